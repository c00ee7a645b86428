package server

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
)

// sticky is a configuration with two equal upstreams of two keys each, and
// sessions.
func sticky(base string) *config.Config {
	c := several(base, base)
	r := &c.Routes[0]
	r.Upstreams[1].Priority = 0
	pooled(&r.Upstreams[0], "p", "q")
	pooled(&r.Upstreams[1], "r", "s")
	return withSessions(c)
}

func TestSessionStaysOnItsUpstreamAndKey(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, sticky(u.base()))
		places := map[string]bool{}
		for session := range 20 {
			before := len(u.requests())
			for range 5 {
				g.get("/api", sessionHeader+": s"+strconv.Itoa(session)).ok(t)
			}
			first := keyOf(u.requests()[before])
			for _, r := range u.requests()[before:] {
				if keyOf(r) != first {
					t.Fatalf("session %d went to the keys %s and %s", session, first, keyOf(r))
				}
			}
			places[first] = true
		}
		if len(places) < 3 {
			t.Errorf("20 sessions share %d of 4 keys: %v", len(places), places)
		}
	})
}

// Agents begin with several requests at once.
func TestRequestsOfANewSessionGoTogether(t *testing.T) {
	u := newHolding(t)
	c := inTurn(sticky(u.base()))
	g := start(t, inClear, c)
	var answers []<-chan *answer
	for range 4 {
		answers = append(answers, g.begin(g.request("GET", "/api", nil, sessionHeader+": alice")))
		u.next()
	}
	if keys := u.keysOf(); keys != "p p p p" {
		t.Errorf("one session's first requests took the keys %s", keys)
	}
	u.letGo()
	for _, one := range answers {
		receive(t, one, "an answer").ok(t)
	}
}

func TestRequestsWithoutASessionAreSpread(t *testing.T) {
	u := answering(t, okAnswer)
	c := inTurn(sticky(u.base()))
	g := start(t, inClear, c)
	for _, line := range []string{"X-Other: alice", "X-Other: alice", sessionHeader + ":", "X-Other: alice"} {
		g.get("/api", line).ok(t)
	}
	if keys := u.keysOf(); keys != "p r q s" {
		t.Errorf("went to the keys %s, want each once", keys)
	}
}

func TestSessionWhoseKeyIsSkippedMovesAndStays(t *testing.T) {
	var fail atomic.Value // the key that is out of order
	fail.Store("")
	script := func(c *upstreamConn, r *upstreamRequest) {
		if keyOf(r) == fail.Load() {
			c.send(answerOf(429, "slow down", "Retry-After: 1"))
			return
		}
		c.send(okAnswer)
	}
	u := newUpstream(t, script)
	c := sticky(u.base())
	c.Routes[0].Retry.MaxAttempts = 2
	g := start(t, inClear, c)
	ask := func() string {
		g.get("/api", sessionHeader+": alice").ok(t)
		all := u.requests()
		return keyOf(all[len(all)-1])
	}
	first := ask()
	fail.Store(first)
	second := ask()
	if second == first {
		t.Fatalf("answered by %s, which was to fail", first)
	}
	fail.Store("")
	for range 5 {
		if got := ask(); got != second {
			t.Fatalf("went to %s, want %s, which served the session instead", got, second)
		}
	}
	waitFor(1100 * time.Millisecond) // until the first one's cooldown is over
	if got := ask(); got != second {
		t.Errorf("went back to %s, away from the cache at %s", got, second)
	}
}

// stickyOneEach keeps sessions on keys that carry one request each.
func stickyOneEach(base string, keys ...string) *config.Config {
	c := severalKeys(base, keys...)
	pool := c.Routes[0].Upstreams[0].Keys
	for i := range pool {
		pool[i].MaxInflight = 1
	}
	return withSessions(c)
}

func TestSessionWhoseKeyIsFullIsServedElsewhere(t *testing.T) {
	u := newHolding(t)
	g := start(t, inClear, stickyOneEach(u.base(), "p", "q"))
	one := g.begin(g.request("GET", "/api", nil, sessionHeader+": alice"))
	first := keyOf(u.next())
	two := g.begin(g.request("GET", "/api", nil, sessionHeader+": alice"))
	if second := keyOf(u.next()); second == first {
		t.Errorf("key %s carries two", first)
	}
	g.get("/api", sessionHeader+": alice").refusal(t, 503, "upstream_concurrency_exceeded")
	u.letGo()
	receive(t, one, "an answer").ok(t)
	receive(t, two, "an answer").ok(t)
}

// The request that filled its key ends after the session has moved on.
func TestSessionThatMovedIsNotTakenBackByAnEarlierRequest(t *testing.T) {
	arrived, goOn := make(chan bool), make(chan bool)
	u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.readBody(r)
		if r.target == "/slow" {
			close(arrived)
			<-goOn
		}
		c.send(okAnswer)
	})
	g := start(t, inClear, stickyOneEach(u.base(), "p", "q"))
	slow := g.begin(g.request("GET", "/api/slow", nil, sessionHeader+": alice"))
	receive(t, arrived, "the slow request")
	ask := func() {
		t.Helper()
		g.get("/api", sessionHeader+": alice").ok(t)
		g.outcome() // its slot is free now
	}
	ask()
	close(goOn)
	receive(t, slow, "the slow answer").ok(t)
	g.outcome()
	for range 3 {
		ask()
	}
	keys := strings.Fields(u.keysOf())
	if keys[0] == keys[1] || strings.Join(keys[2:], " ") != strings.Repeat(keys[1]+" ", 2)+keys[1] {
		t.Errorf("the session went to %v, want the second key to keep it", keys)
	}
}

// Two requests find the session's key full and go elsewhere: it stays where the
// first answer came from, not the last.
func TestSessionMovesOnceForAFullKey(t *testing.T) {
	gates := map[string]chan bool{"/1": make(chan bool), "/2": make(chan bool), "/3": make(chan bool)}
	arrived := make(chan bool)
	u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.readBody(r)
		if gate := gates[r.target]; gate != nil {
			arrived <- true
			<-gate
		}
		c.send(okAnswer)
	})
	g := start(t, inClear, stickyOneEach(u.base(), "p", "q", "r"))
	var answers []<-chan *answer
	for _, n := range []string{"1", "2", "3"} {
		answers = append(answers, g.begin(g.request("GET", "/api/"+n, nil, sessionHeader+": alice")))
		receive(t, arrived, "request "+n)
	}
	for _, i := range []int{2, 1, 0} { // the last one sent is answered first
		close(gates["/"+strconv.Itoa(i+1)])
		receive(t, answers[i], "its answer").ok(t)
	}
	g.get("/api", sessionHeader+": alice").ok(t)
	if keys := strings.Fields(u.keysOf()); keys[3] != keys[2] {
		t.Errorf("the session went to %v, want the third key to keep it", keys)
	}
}

func TestSessionSurvivesAReload(t *testing.T) {
	u := answering(t, okAnswer)
	g := start(t, inClear, sticky(u.base()))
	for i := range 10 {
		g.get("/api", sessionHeader+": s"+strconv.Itoa(i)).ok(t)
	}
	before := u.keysOf()
	c := sticky(u.base())
	c.Routes[0].Retry.MaxAttempts = 3
	c.Routes[0].Upstreams[0].Weight = 7
	g.reload(c)
	for i := range 10 {
		g.get("/api", sessionHeader+": s"+strconv.Itoa(i)).ok(t)
	}
	if after := strings.TrimPrefix(u.keysOf(), before+" "); after != before {
		t.Errorf("before the reload sessions went to %s, after it to %s", before, after)
	}
}

// A key that is no longer there takes nobody along.
func TestSessionOfARemovedKeyIsServedByAnother(t *testing.T) {
	u := answering(t, okAnswer)
	c := withSessions(severalKeys(u.base(), "p", "q"))
	c.Routes[0].Upstreams[0].Keys[1].Weight = 1 << 20
	g := start(t, inClear, c)
	g.get("/api", sessionHeader+": alice").ok(t)
	c = withSessions(severalKeys(u.base(), "p", "r"))
	g.reload(c)
	for range 5 {
		g.get("/api", sessionHeader+": alice").ok(t)
	}
	keys := strings.Fields(u.keysOf())
	if keys[0] != "q" || keys[1] == "q" || strings.Join(keys[1:], " ") != strings.Repeat(keys[1]+" ", 4)+keys[1] {
		t.Errorf("the session went to %v, want q, then one other for good", keys)
	}
}

func TestSessionIsForgottenAfterItsTime(t *testing.T) {
	u := answering(t, okAnswer)
	c := inTurn(sticky(u.base()))
	c.Routes[0].Balancing.Affinity.TTL = 400 * time.Millisecond
	g := start(t, inClear, c)
	g.get("/api", sessionHeader+": alice").ok(t)
	g.get("/api", sessionHeader+": alice").ok(t)
	waitFor(500 * time.Millisecond)
	g.get("/api", sessionHeader+": alice").ok(t)
	if keys := u.keysOf(); keys != "p p r" {
		t.Errorf("went to the keys %s, want p twice, then r", keys)
	}
}

// An upstream that cannot be reached is in cooldown with all its keys: its sessions
// leave it at once, and stay away.
func TestSessionLeavesAnUpstreamInCooldown(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		b := answering(t, okAnswer)
		c := withSessions(several(closedPort(t), b.base()))
		pooled(&c.Routes[0].Upstreams[0], "p", "q")
		g := start(t, via, c)
		ask := func() *answer { return g.post("/api", "hi", sessionHeader+": alice") }
		ask().refusal(t, 502, "upstream_connect_error") // there is no other attempt
		if o := g.outcome(); o.Upstream != "a" {
			t.Fatalf("the session began at %s", o.Upstream)
		}
		ask().ok(t)
		g.attempted("b ok")
		c.Routes[0].Upstreams[0] = withBase(c.Routes[0].Upstreams[0], answering(t, okAnswer).base()) // it is up again, its cooldown over
		g.reload(c)
		ask().ok(t)
		g.attempted("b ok")
	})
}

// An answer that is no success serves nobody: the session is looked for where
// it was, once that one's cooldown is over.
func TestSessionDoesNotMoveForAFailure(t *testing.T) {
	var failing atomic.Value // the keys that are out of order, in a text
	failing.Store("p")
	u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		if strings.Contains(failing.Load().(string), keyOf(r)) {
			c.send(answerOf(429, "", "retry-after-ms: 200"))
			return
		}
		c.send(okAnswer)
	})
	c := withSessions(inTurn(severalKeys(u.base(), "p", "q")))
	g := start(t, inClear, c)
	ask := func() int { return g.get("/api", sessionHeader+": alice").status }
	failing.Store("")
	ask() // pinned to p
	failing.Store("pq")
	ask() // p, which is in cooldown from now on
	ask() // q, which serves it no better
	failing.Store("")
	waitFor(250 * time.Millisecond)
	ask()
	if keys := u.keysOf(); keys != "p p q p" {
		t.Errorf("the session went to the keys %s", keys)
	}
}
