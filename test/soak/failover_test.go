package soak

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Routes with several upstreams, by what follows a root's name. An upstream
// shows in the path and a key in the header, so the provider sees who was chosen.
const (
	pool    = "-pool"    // every key may be refused, one of them is nearly always full
	lame    = "-lame"    // before the upstream that works comes one that nobody listens at; only that has cooldowns
	session = "-session" // a session stays where it began
)

const (
	maxAttempts = 4
	maxReplay   = 64 * kib // of a request's body that is kept
	keySlots    = 8
	scarce      = 2 // slots of the pool's first key
	sessions    = 40
	sessionKey  = "X-Session"
)

// severalUpstreams is the YAML of these routes for one root. Strategy, order
// and cooldowns change with the configuration; upstreams, keys and slots stay.
func severalUpstreams(root, base string) []routeText {
	header := func(id string, n int) string {
		return fmt.Sprintf("{id: %[1]s, base_url: \"%[2]s/%[1]s\", request_timeout_ms: %[3]d, key_header: {name: authorization, prefix: \"Bearer \"}, "+
			"inject_headers: [{name: x-configuration, value: \"%[4]d\"}], ", id, base, (4 * patience).Milliseconds(), n)
	}
	keys := func(id string, first int) string {
		return fmt.Sprintf("keys: [{id: one, value: %q, max_inflight: %d}, {id: two, value: %q, weight: 2, max_inflight: %d}]",
			keyOf(id, "one"), first, keyOf(id, "two"), keySlots)
	}
	route := func(suffix, upstreams, more string) string {
		return fmt.Sprintf("  - {id: %[1]s, prefix: /%[1]s, upstreams: [%[2]s], %[3]s}\n", root+suffix, upstreams, more)
	}
	retry := fmt.Sprintf("retry: {max_attempts: %d, backoff: {initial_ms: 1, max_ms: 20}, max_replay_body_bytes: %d}", maxAttempts, maxReplay)
	return []routeText{
		func(n int) string {
			strategy := []string{"weighted_random", "round_robin", "least_inflight"}[n%3]
			return route(pool, header("near", n)+keys("near", scarce)+"}, "+header("far", n)+fmt.Sprintf("priority: %d, weight: 3, ", n%2)+keys("far", keySlots)+"}",
				retry+", load_balancing: {strategy: "+strategy+"}, cooldown: {\"529\": 1, max_secs: 1}")
		},
		func(n int) string {
			return route(lame, "{id: nobody, base_url: \"http://127.0.0.1:1\", inject_headers: [{name: authorization, value: nobody}]}, "+
				header("near", n)+"priority: 1, "+keys("near", keySlots)+"}", retry+fmt.Sprintf(", cooldown: {connect_error: %d, \"429\": 0, \"529\": 0}", n%2))
		},
		func(n int) string {
			return route(session, header("near", n)+keys("near", keySlots)+"}, "+header("far", n)+keys("far", keySlots)+"}",
				"load_balancing: {affinity: {header: "+sessionKey+"}}")
		},
	}
}

// capacity is how many slots a route has, and whether that is all: the lame
// route's other upstream has slots too, and nothing to say.
func capacity(route string) (n int, all bool) {
	switch {
	case strings.HasSuffix(route, pool):
		return scarce + 3*keySlots, true
	case strings.HasSuffix(route, lame):
		return 2 * keySlots, false
	case strings.HasSuffix(route, session):
		return 4 * keySlots, true
	}
	return maxPerKey, true
}

func keyOf(upstream, key string) string { return providerKey + "-" + upstream + "-" + key }

// who is the upstream and the key that a request went to; path is what the
// client asked for.
func who(req *http.Request, p *plan) (upstream, key, path string, err error) {
	key = strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	if !p.several() {
		if key != providerKey {
			err = fmt.Errorf("Authorization %q", req.Header.Get("Authorization"))
		}
		return "", key, req.URL.Path, err
	}
	upstream, path, _ = strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	if key != keyOf(upstream, "one") && key != keyOf(upstream, "two") {
		err = fmt.Errorf("Authorization %q at upstream %q", req.Header.Get("Authorization"), upstream)
	}
	return upstream, key, "/" + path, err
}

// several reports that the plan's route has several upstreams.
func (p *plan) several() bool {
	return strings.HasSuffix(p.Route, pool) || strings.HasSuffix(p.Route, lame) || strings.HasSuffix(p.Route, session)
}

var failovers = []kind{
	{name: "refused", weight: 5, plan: func(r *rand.Rand, p *plan) {
		refused(r, p)
		p.Refusals = 1 + r.IntN(maxAttempts-1)
		p.Early = p.Up > 0 && r.IntN(4) == 0
		if p.Stream = r.IntN(4) == 0; p.Stream {
			p.Pause = time.Duration(r.IntN(4)) * time.Millisecond
		}
	}},
	{name: "refused by all", weight: 2, plan: func(r *rand.Rand, p *plan) {
		refused(r, p)
		p.Refusals, p.Status = maxAttempts, p.Refused
	}},
	{name: "refused too large", weight: 1, plan: func(r *rand.Rand, p *plan) {
		refused(r, p)
		p.Method, p.Up = "POST", maxReplay+1+r.Int64N(256*kib)
		p.Refusals, p.Status = maxAttempts, p.Refused
	}},
	{name: "reset once", weight: 2, plan: func(r *rand.Rand, p *plan) {
		p.down(r, 8*kib, "length", "chunked")
		p.Route += pool
		p.Manner = "reset once"
	}},
	{name: "uncertain", weight: 2, plan: func(r *rand.Rand, p *plan) {
		refused(r, p)
		if p.Up == 0 {
			p.post(r, maxReplay)
		}
		p.Manner = "reset first"
		if p.Refusals = r.IntN(2); p.Refusals > 0 {
			p.Status = p.Refused // the answer there was
		}
	}, want: func(p *plan, o *outcome) bool {
		return p.Refusals > 0 && whole(p, o) || p.Refusals == 0 && refused502(p, o)
	}},
	{name: "lame", weight: 4, plan: func(r *rand.Rand, p *plan) {
		refused(r, p)
		p.Route = strings.TrimSuffix(p.Route, pool) + lame
		if p.Refusals = r.IntN(2); p.Refusals == 0 && r.IntN(2) == 0 {
			p.post(r, 4*maxReplay) // what was never sent may be of any size
		}
	}},
	{name: "session", weight: 4, plan: func(r *rand.Rand, p *plan) {
		p.post(r, 4*kib)
		p.down(r, 8*kib, "length", "chunked")
		p.Route += session
		p.Session = fmt.Sprintf("%s-%d-%d", p.Route, p.ID>>workerShift%2, r.IntN(sessions)) // of one route and one gateway
	}},
	{name: "leave a failover", weight: 2, plan: func(r *rand.Rand, p *plan) {
		refused(r, p)
		p.Refusals, p.Status = maxAttempts, p.Refused
		p.Pause = time.Duration(r.IntN(40)) * time.Millisecond
		p.leave(r, "waiting")
	}, want: func(p *plan, o *outcome) bool { return left(p, o) || o.status == p.Status }}, // it left while the last refusal came
}

// refused is an exchange of the pool whose attempts are refused.
func refused(r *rand.Rand, p *plan) {
	if r.IntN(3) > 0 {
		p.post(r, maxReplay)
	}
	p.down(r, 8*kib, "length", "chunked")
	if r.IntN(16) == 0 {
		p.down(r, 256*kib, "length", "chunked") // more than is kept of an answer
	}
	p.Route += pool
	p.Refused = []int{429, 503, 529}[r.IntN(3)]
	p.Wait = []string{"", "Retry-After: 0\r\n", "Retry-After-Ms: 20\r\n", "Retry-After: 1\r\n"}[r.IntN(4)]
}

// attempts is what the provider has seen of one exchange.
type attempts struct {
	n             int
	open          bool   // the last may have run: it was not refused
	configuration string // the one that the exchange began with
}

// count counts an attempt, and finds whether it may be.
func (u *provider) count(req *http.Request, p *plan) (attempt int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.attempts[p.Turn]
	if t == nil {
		t = &attempts{configuration: req.Header.Get("X-Configuration")}
		u.attempts[p.Turn] = t
	}
	t.n++
	switch got := req.Header.Get("X-Configuration"); {
	case p.Up > 0 && !p.isWebSocket() && t.open:
		err = fmt.Errorf("a request with a body again (attempt %d), and the one before was not refused", t.n)
	case p.Up > maxReplay && t.n > 1 && p.several():
		err = fmt.Errorf("a request with a body that is too large to be kept again (attempt %d)", t.n)
	case p.several() && t.n > maxAttempts+1: // one that finds its kept connection broken has another, unless it has a body
		err = fmt.Errorf("attempt %d", t.n)
	case got != t.configuration:
		err = fmt.Errorf("attempt %d of configuration %s, the first was of %s", t.n, got, t.configuration)
	}
	t.open = true
	return t.n, err
}

// forget forgets an exchange that is over.
func (u *provider) forget(turn uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.attempts, turn)
}

// stays finds whether a session is where it was.
func (u *provider) stays(session, place string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	was, known := u.places[session]
	u.places[session] = place
	if known && was != place {
		return fmt.Errorf("session %s at %s, before it was at %s", session, place, was)
	}
	return nil
}

// refuse answers that the request was not done, before or after it has all come.
func (c *upstreamConn) refuse(req *http.Request, p *plan) bool {
	if p.Early {
		return c.refusal(p) && c.readBody(req, p)
	}
	return c.readBody(req, p) && c.refusal(p)
}

func (c *upstreamConn) refusal(p *plan) bool {
	c.u.mu.Lock()
	if t := c.u.attempts[p.Turn]; t != nil {
		t.open = false
	}
	c.u.mu.Unlock()
	time.Sleep(p.Pause)
	head := fmt.Sprintf("HTTP/1.1 %d Refused\r\nX-Id: %d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", p.Refused, p.ID, p.Down, p.Wait)
	c.SetWriteDeadline(time.Now().Add(patience))
	_, err := io.Copy(c, io.MultiReader(strings.NewReader(head), p.answer().reader(p.Down)))
	return err == nil
}
