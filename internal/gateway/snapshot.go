package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/limit"
	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// Snapshot is a configuration made ready to serve: parsed, sorted and indexed
// once. It never changes; an exchange ends on the one it began with.
type Snapshot struct {
	routes        map[string]*route // by prefix
	longest       int               // prefix, in bytes: no lookup need try more
	sources       []tokenSource
	principals    map[[sha256.Size]byte]*principal
	cors          *corsPolicy // nil: off
	perMinute     int         // 0: no limit
	maxDownstream int         // 0: no cap
}

// route is where the requests below a prefix go, and how.
type route struct {
	id       string
	prefix   string
	strip    bool
	endpoint *upstream.Endpoint
	pool     *upstream.Pool // bound by Gateway.Use
	origin   string         // scheme://host:port, for the log

	targetStart string // what stands before base path and rest: empty, or the origin for an absolute-form proxy
	basePath    string
	host        []byte // the Host header's value

	drop   dropList
	inject []byte // header lines, ready to send
	xff    bool   // forward_xff

	connectTimeout, requestTimeout time.Duration

	slotName string       // empty: no cap
	maxSlots int          //
	slots    *limit.Slots // bound by Gateway.Use
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

// Compile makes a snapshot of a valid configuration. It has no side effect.
func Compile(c *config.Config) *Snapshot {
	s := &Snapshot{
		routes:        make(map[string]*route, len(c.Routes)),
		principals:    make(map[[sha256.Size]byte]*principal, len(c.Auth.Tokens)),
		perMinute:     c.RateLimit.PerMinute,
		maxDownstream: c.Concurrency.DownstreamMaxInflight,
	}
	for _, t := range c.Auth.Tokens {
		sum := sha256.Sum256([]byte(t))
		s.principals[sum] = &principal{id: string(sum[:]), name: hex.EncodeToString(sum[:4])}
	}
	for _, t := range c.Auth.Sources {
		s.sources = append(s.sources, tokenSource{header: t.Header, known: wire.Recognise([]byte(t.Header)), bearer: t.Bearer})
	}
	for i := range c.Routes {
		r := compileRoute(&c.Routes[i], c)
		s.routes[r.prefix] = r
		s.longest = max(s.longest, len(r.prefix))
	}
	if c.CORS.Enabled {
		s.cors = compileCORS(&c.CORS, s.sources)
	}
	return s
}

// bind connects the snapshot with the state that outlives it.
func (s *Snapshot) bind(g *Gateway) {
	for _, r := range s.routes {
		r.pool = g.pools.Get(r.endpoint)
		if r.slotName != "" {
			r.slots = g.slots.Slots(r.slotName)
		}
	}
}

func compileRoute(c *config.Route, all *config.Config) *route {
	u := &c.Upstreams[0]
	r := &route{
		id:             c.ID,
		prefix:         c.Prefix,
		strip:          u.StripPrefix,
		endpoint:       compileEndpoint(u),
		origin:         u.BaseURL.Scheme + "://" + u.BaseURL.Authority,
		basePath:       u.BaseURL.Path,
		host:           []byte(u.BaseURL.Authority),
		drop:           compileDropList(u, all.Auth.Sources),
		xff:            u.ForwardXFF,
		connectTimeout: u.ConnectTimeout,
		requestTimeout: u.RequestTimeout,
	}
	if r.endpoint.AbsoluteForm() {
		r.targetStart = r.origin
	}
	for _, h := range u.InjectHeaders {
		if wire.Recognise([]byte(h.Name)) == wire.Host {
			r.host = []byte(h.Value)
			continue
		}
		r.inject = appendLine(r.inject, h.Name, h.Value)
	}
	if login := r.endpoint.ProxyAuthorization(); login != "" {
		r.inject = appendLine(r.inject, "Proxy-Authorization", login)
	}
	r.maxSlots = all.Concurrency.UpstreamPerKeyMaxInflight
	if u.KeyMaxInflight > 0 {
		r.maxSlots = u.KeyMaxInflight
	}
	if r.maxSlots > 0 {
		r.slotName = c.ID + "\x00" + hash(injectedKey(u))
	}
	return r
}

func compileEndpoint(u *config.Upstream) *upstream.Endpoint {
	e := &upstream.Endpoint{
		Address:    u.BaseURL.Address,
		ServerName: u.BaseURL.ServerName,
		TLS:        u.BaseURL.Scheme == "https",
	}
	if p := u.Proxy; p != nil {
		e.Proxy = &upstream.Proxy{Protocol: upstream.ProxyProtocol(p.Protocol), Address: p.Address, Username: p.Username, Password: p.Password}
	}
	return e
}

// injectedKey is the provider key by which slots are counted: the value that
// the configuration injects, never one that a client sends.
func injectedKey(u *config.Upstream) string {
	for _, known := range [...]string{"authorization", "x-api-key"} {
		for _, h := range u.InjectHeaders {
			if wire.EqualFold([]byte(h.Name), known) && h.Value != "" {
				return h.Value
			}
		}
	}
	return ""
}

// hash keeps a secret out of names.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func appendLine(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
