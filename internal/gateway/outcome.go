package gateway

import "time"

// Outcome is how an exchange went.
type Outcome struct {
	Client    string // address
	Route     string // empty: none matched
	Upstream  string // of the last attempt: its id, or scheme://host:port; empty: none was asked
	Key       string // of the last attempt: the key's id, if it came from a pool
	Token     string // the token's name, never the token
	Method    string
	Status    int    // sent to the client, 0: nothing was
	Code      string // of a refusal
	Cause     error  // what the log should say of a failure
	Note      string // what it should say besides
	End       End
	Attempts  []Attempt // in order; not to be kept
	Start     time.Time
	FirstByte time.Duration // until the head of the answer went to the client
	Duration  time.Duration
	Overhead  time.Duration // the gateway's own part of FirstByte

	BytesIn, BytesOut int64 // body bytes
}

// Attempt is one sending of a request to an upstream, with one key.
type Attempt struct {
	Upstream string
	Key      string
	Result   string // "ok", "status_429", "connect_error", "timeout", "broken" or "client_gone"
	Status   int    // 0: no answer came
	Span     SpanID
	Start    time.Time
	Duration time.Duration // until its head came or it failed
}

// End says how an exchange ended.
type End string

const (
	Complete       End = "complete"
	Refused        End = "refused"
	Timeout        End = "timeout"
	UpstreamBroken End = "upstream_broken"
	ClientGone     End = "client_gone"
	Idle           End = "idle"      // stream_idle_timeout_ms ran out
	Draining       End = "draining"  // cut at the end of a drain
	Truncated      End = "truncated" // ended cleanly, but not as its format ends: observers tell
)
