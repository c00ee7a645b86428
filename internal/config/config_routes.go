package config

import "time"

// Route sends what is below Prefix to an upstream.
type Route struct {
	ID        string
	Prefix    string
	Upstreams []Upstream // as in the file, never empty; one without an ID for a plain `upstream`
	Balancing Balancing
	Retry     Retry
	Cooldown  Cooldown
	Stream    Stream
}

// Upstream is an AI API behind a route and how to talk to it.
type Upstream struct {
	ID       string
	Priority int // lower is chosen first
	Weight   int

	BaseURL        BaseURL
	StripPrefix    bool
	ConnectTimeout time.Duration
	RequestTimeout time.Duration
	InjectHeaders  []Header
	RemoveHeaders  []string // as written
	ForwardXFF     bool
	Proxy          *Proxy // nil: direct
	KeyMaxInflight int    // 0: concurrency.upstream_per_key_max_inflight

	KeyHeader KeyHeader // where a key of the pool goes
	Keys      []Key     // the pool; empty: what InjectHeaders holds is the key

	FirstByteTimeout      time.Duration // 0: off
	StreamIdleTimeout     time.Duration // 0: off
	WebSocket             bool          // false: a handshake is refused with 426
	UserAgent             string        // empty: the client's
	RemoveResponseHeaders []string
	TLS                   UpstreamTLS
}

// KeyHeader is the header that carries a pool's key, behind Prefix.
type KeyHeader struct{ Name, Prefix string }

// Key is a provider key of a pool. Value is a secret.
type Key struct {
	ID          string
	Value       string
	Weight      int
	MaxInflight int // 0: the upstream's cap per key
}

// UpstreamTLS is whom to trust beyond the system's authorities.
type UpstreamTLS struct {
	CAPath             string // absolute; empty: the system's
	CA                 []byte // what it holds, in PEM form
	InsecureSkipVerify bool
}

// Balancing says how an upstream, and a key of it, is chosen.
type Balancing struct {
	Strategy string    // "weighted_random", "round_robin" or "least_inflight"
	Affinity *Affinity // nil: off
}

// Affinity keeps a session on the upstream and key that served it.
type Affinity struct {
	Header string // lower case
	TTL    time.Duration
}

// Retry says what is retried.
type Retry struct {
	MaxAttempts       int      // all attempts together; 1: no retry
	On                []string // "connect_error" or a status
	OnUncertain       bool     // also when the request may have run
	Backoff           Backoff
	RespectRetryAfter bool
	MaxRetryAfter     time.Duration
	MaxReplayBody     int64 // bytes
}

// Backoff is the wait before another attempt with the same key: it doubles.
type Backoff struct {
	Initial, Max time.Duration
	Jitter       float64 // part of the wait, 0 to 1
}

// Cooldown says how long a key or an upstream is not used after a failure.
type Cooldown struct {
	After map[string]CooldownRule // by status, or "connect_error"
	Max   time.Duration
}

// CooldownRule is one cooldown: what the answer asked for, or a fixed time. 0 is none.
type CooldownRule struct {
	RetryAfter bool
	For        time.Duration
}

// Stream says what happens when the client leaves an answer.
type Stream struct {
	DrainOnDisconnect bool // read on, so that usage is known
	DrainMax          time.Duration
}
