package gateway

import (
	"crypto/sha256"
	"encoding/hex"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/wire"
)

// Snapshot is a configuration made ready to serve: parsed, sorted and indexed
// once. It never changes; an exchange ends on the one it began with.
type Snapshot struct {
	routes        map[string]*route // by prefix
	longest       int               // prefix, in bytes: no lookup need look at more
	sources       []tokenSource
	principals    map[[sha256.Size]byte]*principal
	cors          *corsPolicy // nil: off
	perMinute     int         // 0: no limit
	maxDownstream int         // 0: no cap
	nativeErrors  bool
	identity      identity
}

// principal is who a gateway token stands for.
type principal struct {
	id   string // the token's SHA-256: what is counted under
	name string // its first 8 hex digits: what is shown
}

type tokenSource struct {
	header string // lower case
	known  wire.Known
	bearer bool
}

// Compile makes a snapshot of a valid configuration. It has no side effect but
// to read the files of trust that it names.
func Compile(c *config.Config) (*Snapshot, error) {
	s := &Snapshot{
		routes:        make(map[string]*route, len(c.Routes)),
		principals:    make(map[[sha256.Size]byte]*principal, len(c.Auth.Tokens)),
		perMinute:     c.RateLimit.PerMinute,
		maxDownstream: c.Concurrency.DownstreamMaxInflight,
		nativeErrors:  c.Errors.Native,
		identity:      compileIdentity(c.Observability),
	}
	for _, t := range c.Auth.Tokens {
		sum := sha256.Sum256([]byte(t))
		s.principals[sum] = &principal{id: string(sum[:]), name: hex.EncodeToString(sum[:4])}
	}
	for _, t := range c.Auth.Sources {
		s.sources = append(s.sources, tokenSource{header: t.Header, known: wire.Recognise([]byte(t.Header)), bearer: t.Bearer})
	}
	for i := range c.Routes {
		r, err := compileRoute(&c.Routes[i], c, s.identity)
		if err != nil {
			return nil, err
		}
		s.routes[r.prefix] = r
		s.longest = max(s.longest, len(r.prefix))
	}
	if c.CORS.Enabled {
		s.cors = compileCORS(&c.CORS, s.sources)
	}
	return s, nil
}

// bind connects the snapshot with the state that outlives it.
func (s *Snapshot) bind(g *Gateway) {
	for _, r := range s.routes {
		r.bind(g)
	}
}
