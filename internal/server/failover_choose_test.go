package server

import (
	"math"
	"strings"
	"sync"
	"testing"

	"ai-gw-lite/internal/config"
)

func TestRequestsAreSharedByWeight(t *testing.T) {
	a, b := answering(t, okAnswer), answering(t, okAnswer)
	c := several(a.base(), b.base())
	c.Routes[0].Upstreams[0].Weight = 3
	c.Routes[0].Upstreams[1].Priority = 0
	pooled(&c.Routes[0].Upstreams[0], "main", "spare")
	c.Routes[0].Upstreams[0].Keys[0].Weight = 4
	g := start(t, inClear, c)
	const n = 800
	for range n {
		g.get("/api").ok(t)
	}
	main := strings.Count(a.keysOf(), "main")
	share(t, "the upstream of weight 3", len(a.requests()), n, 3./4)
	share(t, "its key of weight 4", main, len(a.requests()), 4./5)
}

// share allows five standard deviations: once in two million runs.
func share(t *testing.T, who string, got, of int, want float64) {
	t.Helper()
	expected, room := want*float64(of), 5*math.Sqrt(float64(of)*want*(1-want))
	if math.Abs(float64(got)-expected) > room {
		t.Errorf("%s got %d of %d requests, want %.0f give or take %.0f", who, got, of, expected, room)
	}
}

func TestRoundRobinGoesThroughUpstreamsAndTheirKeys(t *testing.T) {
	var mu sync.Mutex
	order := ""
	script := func(c *upstreamConn, r *upstreamRequest) {
		mu.Lock()
		order += keyOf(r) + " "
		mu.Unlock()
		c.send(okAnswer)
	}
	a, b := newUpstream(t, script), newUpstream(t, script)
	c := several(a.base(), b.base())
	r := &c.Routes[0]
	r.Balancing.Strategy = "round_robin"
	r.Upstreams[0].Weight = 2
	r.Upstreams[1].Priority = 0
	pooled(&r.Upstreams[0], "x", "y")
	g := start(t, inClear, c)
	for range 6 {
		g.get("/api").ok(t)
	}
	if want := "x b y x b y "; order != want {
		t.Errorf("went %q, want %q", order, want)
	}
}

// Self-hosted upstreams have no keys to tell them apart by, and two upstreams
// may well share one.
func TestLeastInflightLooksAtEachUpstream(t *testing.T) {
	for name, header := range map[string][]config.Header{
		"without keys":    nil,
		"with a key each": {{Name: "authorization", Value: "Bearer one"}, {Name: "authorization", Value: "Bearer two"}},
		"with one key":    {{Name: "authorization", Value: "Bearer one"}, {Name: "authorization", Value: "Bearer one"}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newHolding(t), newHolding(t)
			c := several(a.base(), b.base())
			r := &c.Routes[0]
			r.Balancing.Strategy = "least_inflight"
			r.Upstreams[1].Priority = 0
			r.Upstreams[1].Weight = 2
			for i := range r.Upstreams {
				r.Upstreams[i].InjectHeaders = nil
				if header != nil {
					r.Upstreams[i].InjectHeaders = header[i : i+1]
				}
			}
			g := start(t, inClear, c)
			var answers []<-chan *answer
			for n := range 9 {
				answers = append(answers, g.begin(g.request("GET", "/api", nil)))
				if !within(patienceOfTests, func() bool { return len(a.requests())+len(b.requests()) == n+1 }) {
					t.Fatal("a request is missing")
				}
			}
			if gotA, gotB := len(a.requests()), len(b.requests()); gotA != 3 || gotB != 6 {
				t.Errorf("weights 1 and 2 have %d and %d in flight, want 3 and 6", gotA, gotB)
			}
			a.letGo()
			b.letGo()
			for _, one := range answers {
				receive(t, one, "an answer").ok(t)
			}
		})
	}
}

func TestNextPriorityServesWhenTheBetterOneHasNobodyLeft(t *testing.T) {
	a, b := newHolding(t), answering(t, okAnswer)
	c := several(a.base(), b.base())
	pooled(&c.Routes[0].Upstreams[0], "x", "y")
	c.Routes[0].Upstreams[0].Keys[0].MaxInflight = 1
	c.Routes[0].Upstreams[0].Keys[1].MaxInflight = 1
	g := start(t, inClear, c)
	one, two := g.begin(g.request("GET", "/api", nil)), g.begin(g.request("GET", "/api", nil))
	if keys := keyOf(a.next()) + keyOf(a.next()); keys != "xy" && keys != "yx" {
		t.Errorf("the first two took the keys %s, want x and y", keys)
	}
	g.get("/api").ok(t)
	if n := len(b.requests()); n != 1 {
		t.Errorf("the next priority got %d requests, want the one that found no slot", n)
	}
	a.letGo()
	receive(t, one, "an answer").ok(t)
	receive(t, two, "an answer").ok(t)
	for range 3 {
		g.outcome()
	}
	g.get("/api").ok(t)
	if n := len(b.requests()); n != 1 {
		t.Error("with slots free again a request went to the next priority")
	}
}

func TestAllFullIsRefused(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a := newHolding(t)
		c := severalKeys(a.base(), "x", "y")
		c.Routes[0].Upstreams[0].Keys[0].MaxInflight = 1
		c.Routes[0].Upstreams[0].Keys[1].MaxInflight = 2
		g := start(t, via, c)
		var answers []<-chan *answer
		for range 3 {
			answers = append(answers, g.begin(g.request("GET", "/api", nil)))
		}
		for range 3 {
			a.next()
		}
		refused := g.get("/api")
		refused.refusal(t, 503, "upstream_concurrency_exceeded")
		if got := refused.header.Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After is %q, want 1", got)
		}
		a.letGo()
		for _, one := range answers {
			receive(t, one, "an answer").ok(t)
		}
	})
}

// Every way a request can go, at once: no key ever carries more than it may,
// and in the end each carries all it may.
func TestSlotsPerKeyHoldUnderLoadAndAllComeBack(t *testing.T) {
	caps := map[string]int{"x": 1, "y": 2, "z": 3}
	busy := map[string]*inflight{"x": {}, "y": {}, "z": {}}
	var mu sync.Mutex
	n := 0
	hold, arrived := make(chan struct{}), make(chan string, 100)
	u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		key := keyOf(r)
		busy[key].enter()
		defer busy[key].leave()
		if c.readBody(r) != nil {
			return
		}
		if r.target == "/hold" {
			arrived <- key
			<-hold
			c.send(okAnswer)
			return
		}
		mu.Lock()
		n++
		way := n % 5
		mu.Unlock()
		// The slot is given back once the answer is read, which may be before
		// this script is over: it must be seen to leave first.
		busy[key].leave()
		defer busy[key].enter()
		switch way {
		case 0:
			c.send(answerOf(429, "slow down", "Retry-After: 0"))
		case 1:
			c.reset()
		case 2:
			c.send(answerOf(503, "busy"))
		default:
			c.send(okAnswer)
		}
	})
	c := uncooled(several(u.base()))
	pooled(&c.Routes[0].Upstreams[0], "x", "y", "z")
	for i := range c.Routes[0].Upstreams[0].Keys {
		k := &c.Routes[0].Upstreams[0].Keys[i]
		k.MaxInflight = caps[k.ID]
	}
	c.Routes[0].Retry.MaxAttempts = 3
	g := start(t, inClear, c)
	var clients sync.WaitGroup
	for range 12 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			for range 40 {
				g.try(g.request("POST", "/api", strings.NewReader("hi")))
			}
		}()
	}
	clients.Wait()
	for range 12 * 40 {
		g.outcome()
	}
	for key, most := range caps {
		if got := int(busy[key].most.Load()); got > most {
			t.Errorf("key %s carried %d at once, want %d at most", key, got, most)
		}
	}
	var held []<-chan *answer
	for range 6 {
		held = append(held, g.begin(g.request("GET", "/api/hold", nil)))
	}
	count := map[string]int{}
	for range 6 {
		count[receive(t, arrived, "a request: a slot was not given back")]++
	}
	for key, want := range caps {
		if count[key] != want {
			t.Errorf("key %s carries %d in the end, want %d", key, count[key], want)
		}
	}
	g.get("/api").refusal(t, 503, "upstream_concurrency_exceeded")
	close(hold)
	for _, one := range held {
		receive(t, one, "an answer").ok(t)
	}
}

// A cap that a reload brings knows of what is in flight already.
func TestNewCapCountsWhatIsInFlight(t *testing.T) {
	a := newHolding(t)
	c := newConfig(a.base())
	g := start(t, inClear, c)
	one := g.begin(g.request("GET", "/api", nil))
	a.next()
	capped := newConfig(a.base())
	capped.Routes[0].Upstreams[0].KeyMaxInflight = 1
	g.reload(capped)
	g.get("/api").refusal(t, 503, "upstream_concurrency_exceeded")
	a.letGo()
	receive(t, one, "an answer").ok(t)
	g.outcome()
	g.outcome()
	g.ask("/api")
}
