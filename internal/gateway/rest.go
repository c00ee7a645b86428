package gateway

import (
	"sync"
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/upstream"
)

// Resting is an upstream or a key that begins to rest after a failure, or ends.
type Resting struct {
	Route, Upstream, Key string        // Key is empty for the upstream itself
	Why                  string        // a status, or "connect_error"
	For                  time.Duration // 0: the rest has ended
}

// OnRest has f told of each rest's beginning and end. f must not block. To be
// called before Serve.
func (g *Gateway) OnRest(f func(Resting)) { g.onRest = f }

// Rests tells how every key of the configuration in force stands now, cooled
// or not: for a metric that is read when asked for.
func (g *Gateway) Rests(f func(route, upstream, key string, left time.Duration)) {
	now := time.Now()
	for _, r := range g.snapshot.Load().routes {
		for _, t := range r.targets {
			for _, k := range t.keys {
				f(r.id, t.name, k.id, max(t.rest.Left(now), k.rest.Left(now)))
			}
		}
	}
}

// resting holds rests and sessions by name, so that they outlive a snapshot.
type resting struct {
	mu       sync.Mutex
	rests    map[string]*balance.Rest
	sessions map[string]*balance.Affinity
}

func (g *Gateway) rest(name string) *balance.Rest {
	g.resting.mu.Lock()
	defer g.resting.mu.Unlock()
	r := g.resting.rests[name]
	if r == nil {
		r = new(balance.Rest)
		if g.resting.rests == nil {
			g.resting.rests = make(map[string]*balance.Rest)
		}
		g.resting.rests[name] = r
	}
	return r
}

func (g *Gateway) affinity(route string) *balance.Affinity {
	g.resting.mu.Lock()
	defer g.resting.mu.Unlock()
	a := g.resting.sessions[route]
	if a == nil {
		a = new(balance.Affinity)
		if g.resting.sessions == nil {
			g.resting.sessions = make(map[string]*balance.Affinity)
		}
		g.resting.sessions[route] = a
	}
	return a
}

// retain forgets the state of what the snapshot does not name. Exchanges that
// still go on hold theirs.
func (g *Gateway) retain(s *Snapshot) {
	pools := make(map[*upstream.Pool]bool)
	rests := make(map[*balance.Rest]bool)
	sessions := make(map[*balance.Affinity]bool)
	for _, r := range s.routes {
		sessions[r.sessions] = true
		for _, t := range r.targets {
			pools[t.pool], rests[t.rest] = true, true
			for _, k := range t.keys {
				rests[k.rest] = true
			}
		}
	}
	g.pools.Retain(pools)
	g.resting.mu.Lock()
	defer g.resting.mu.Unlock()
	for name, r := range g.resting.rests {
		if !rests[r] {
			delete(g.resting.rests, name)
		}
	}
	for route, a := range g.resting.sessions {
		if !sessions[a] {
			delete(g.resting.sessions, route)
		}
	}
}

// cool lets what answered with a failure rest: the key, or the upstream if it
// has no pool. asked is what the answer asked for. On a route with nothing else
// to use meanwhile there are no rules, so nothing rests.
func (x *exchange) cool(status int, asked time.Duration, readable bool) {
	rule, ok := x.route.cooldown.after[status]
	if !ok {
		return
	}
	rest, id := x.target.rest, ""
	if x.target.pooled {
		rest, id = x.key.rest, x.key.id
	}
	x.restFor(rest, id, statusText(status), ruleFor(rule, asked, readable))
}

// coolUpstream lets an upstream rest that could not be reached.
func (x *exchange) coolUpstream() {
	x.restFor(x.target.rest, "", "connect_error", x.route.cooldown.connect)
}

// unasked is how long a key rests whose answer asked for nothing readable.
const unasked = 30 * time.Second

func ruleFor(rule config.CooldownRule, asked time.Duration, readable bool) time.Duration {
	switch {
	case !rule.RetryAfter:
		return rule.For
	case !readable:
		return unasked
	}
	return asked
}

func (x *exchange) restFor(rest *balance.Rest, key, why string, d time.Duration) {
	if d = min(d, x.route.cooldown.max); d <= 0 {
		return
	}
	begins := rest.Cool(time.Now(), d)
	if !begins || x.gw.onRest == nil {
		return
	}
	told := Resting{Route: x.route.id, Upstream: x.target.name, Key: key, Why: why, For: d}
	x.gw.onRest(told)
	x.gw.tellEnd(rest, told, d)
}

// tellEnd says so when a rest is over, however often it was prolonged.
func (g *Gateway) tellEnd(rest *balance.Rest, r Resting, d time.Duration) {
	time.AfterFunc(d, func() {
		if left := rest.End(time.Now()); left > 0 {
			g.tellEnd(rest, r, left)
			return
		}
		r.For = 0
		g.shelter(func() { g.onRest(r) })
	})
}
