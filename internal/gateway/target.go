package gateway

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/limit"
	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// target is an upstream of a route: where it is, how it is reached and what a
// request for it looks like.
type target struct {
	name     string // its id, or scheme://host:port: for the log
	priority int
	weight   int
	keys     []*key // at least one
	pooled   bool   // the keys come from a pool: each is cooled by itself
	turns    []int64

	endpoint *upstream.Endpoint
	pool     *upstream.Pool    // bound by Gateway.Use
	cooldown *balance.Cooldown // bound by Gateway.Use

	strip       int    // bytes of the path that are cut off
	targetStart string // before the base path: empty, or the origin for an absolute-form proxy
	basePath    string
	host        []byte // the Host header's value
	drop        dropList
	inject      []byte // header lines, ready to send
	xff         bool   // forward_xff
	websocket   bool
	removes     dropList // of the answer's headers

	connectTimeout, requestTimeout, firstByteTimeout, idleTimeout time.Duration
}

// key is a provider key of an upstream, of its pool or the one it injects.
type key struct {
	id     string // empty: not of a pool
	inject []byte // its header line, ready to send; nil: the target's inject has it
	weight int
	secret string // a hash of it: what it is counted under
	place  string // names this key of this upstream, for sessions
	max    int    // in flight; 0: no cap

	// Bound by Gateway.Use.
	slots    *limit.Slots // in flight with this key, on any upstream of the route
	load     *limit.Slots // in flight here, for the choice; nil: there is none
	cooldown *balance.Cooldown
}

func (k *key) isFull() bool { return k.max > 0 && k.slots.InUse() >= int64(k.max) }

func compileTarget(u *config.Upstream, route *config.Route, all *config.Config, id identity) (*target, error) {
	endpoint, err := compileEndpoint(u)
	if err != nil {
		return nil, err
	}
	origin := u.BaseURL.Scheme + "://" + u.BaseURL.Authority
	t := &target{
		name:             u.ID,
		priority:         u.Priority,
		weight:           u.Weight,
		endpoint:         endpoint,
		basePath:         u.BaseURL.Path,
		host:             []byte(u.BaseURL.Authority),
		drop:             compileDropList(u, all.Auth.Sources, id),
		xff:              u.ForwardXFF,
		websocket:        u.WebSocket,
		connectTimeout:   u.ConnectTimeout,
		requestTimeout:   u.RequestTimeout,
		firstByteTimeout: u.FirstByteTimeout,
		idleTimeout:      u.StreamIdleTimeout,
	}
	if t.name == "" {
		t.name = origin
	}
	if u.StripPrefix && route.Prefix != "/" {
		t.strip = len(route.Prefix)
	}
	if endpoint.AbsoluteForm() {
		t.targetStart = origin
	}
	t.compileInjected(u, id)
	t.removes.add(u.RemoveResponseHeaders...)
	t.compileKeys(u, all)
	return t, nil
}

func (t *target) compileInjected(u *config.Upstream, id identity) {
	var ours dropList
	ours.add(id.headers()...)
	for _, h := range u.InjectHeaders {
		if ours.holds([]byte(h.Name)) {
			continue // set for each request
		}
		if wire.Recognise([]byte(h.Name)) == wire.Host {
			t.host = []byte(h.Value)
			continue
		}
		t.inject = wire.AppendField(t.inject, h.Name, h.Value)
	}
	if u.UserAgent != "" {
		t.inject = wire.AppendField(t.inject, "User-Agent", u.UserAgent)
	}
	if login := t.endpoint.ProxyAuthorization(); login != "" {
		t.inject = wire.AppendField(t.inject, "Proxy-Authorization", login)
	}
}

func (t *target) compileKeys(u *config.Upstream, all *config.Config) {
	perKey := all.Concurrency.UpstreamPerKeyMaxInflight // in flight
	if u.KeyMaxInflight > 0 {
		perKey = u.KeyMaxInflight
	}
	t.pooled = len(u.Keys) > 0
	for _, k := range u.Keys {
		own := &key{id: k.ID, weight: k.Weight, secret: hash(k.Value), max: perKey}
		own.inject = wire.AppendField(nil, u.KeyHeader.Name, u.KeyHeader.Prefix+k.Value)
		if k.MaxInflight > 0 {
			own.max = k.MaxInflight
		}
		t.keys = append(t.keys, own)
	}
	if !t.pooled {
		t.keys = []*key{{weight: 1, secret: hash(u.Key()), max: perKey}}
	}
	for _, k := range t.keys {
		k.place = t.name + "\x00" + k.id + "\x00" + k.secret
	}
	t.turns = make([]int64, len(t.keys))
}

// bind finds the state that outlives the snapshot: what did not change goes on
// with its counts and cooldowns.
func (t *target) bind(g *Gateway, r *route) {
	t.pool = g.pools.Get(t.endpoint)
	name := r.id + "\x00" + t.name + "\x00" + t.endpoint.Address
	if !t.pooled { // its key stands in what is injected: with another one it begins anew
		name += "\x00" + hash(string(t.inject))
	}
	t.cooldown = g.lasting.cooldown(name)
	for _, k := range t.keys {
		k.cooldown = g.lasting.cooldown(r.id + "\x00" + k.place)
		k.slots = g.slots.Slots(r.id + "\x00" + k.secret)
		if !r.single {
			k.load = g.slots.Slots(r.id + "\x00" + k.place)
		}
	}
}

func compileEndpoint(u *config.Upstream) (*upstream.Endpoint, error) {
	e := &upstream.Endpoint{
		Address:    u.BaseURL.Address,
		ServerName: u.BaseURL.ServerName,
		TLS:        u.BaseURL.Scheme == "https",
		Trust:      upstream.Trust{Unverified: u.TLS.InsecureSkipVerify},
	}
	if p := u.Proxy; p != nil {
		e.Proxy = &upstream.Proxy{Protocol: upstream.ProxyProtocol(p.Protocol), Address: p.Address, Username: p.Username, Password: p.Password}
	}
	if u.TLS.CA != nil {
		var err error
		if e.Trust.Roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("read the system's certificates: %w", err)
		}
		e.Trust.Roots.AppendCertsFromPEM(u.TLS.CA)
		e.Trust.Name = hash(string(u.TLS.CA))
	}
	return e, nil
}

// hash keeps a secret out of names.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
