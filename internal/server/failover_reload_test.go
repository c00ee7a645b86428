package server

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
)

// Failing over, sessions, cooldowns and reloads in one story: a session leaves a
// key that is not accepted, comes to another upstream when its second key is
// taken out of the file, and never goes back to what is still in cooldown.
func TestSessionGoesOnThroughACooldownAndAReload(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if keyOf(r) == "p" {
				c.send(answerOf(401, "who?"))
				return
			}
			c.send(okAnswer)
		})
		conf := func(keys ...string) *config.Config {
			c := withSessions(inTurn(several(u.base(), u.base())))
			pooled(&c.Routes[0].Upstreams[0], keys...)
			c.Routes[0].Retry.MaxAttempts = 2
			c.Routes[0].Retry.On = []string{"401"}
			return c
		}
		g := start(t, via, conf("p", "q"))
		ask := func(attempts string) {
			t.Helper()
			g.post("/api", "hi", sessionHeader+": alice").ok(t)
			g.attempted(attempts)
		}
		ask("a/p status_401, a/q ok")
		ask("a/q ok")
		g.reload(conf("p")) // q is gone, and p is in cooldown
		ask("b ok")
		g.reload(conf("p", "q"))
		ask("b ok") // it stays, though q is of a better priority
		ask("b ok")
		g.post("/api", "hi").ok(t) // without a session
		g.attempted("a/q ok")
	})
}

// A reload while a request waits for its next attempt: it goes on as it began, and
// the next request goes by the new configuration.
func TestRequestBetweenAttemptsEndsOnTheConfigurationItBeganWith(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		var hasFailed atomic.Bool
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if hasFailed.CompareAndSwap(false, true) {
				c.send(answerOf(503, "", "retry-after-ms: 400"))
				return
			}
			c.send(okAnswer)
		})
		elsewhere := answering(t, okAnswer)
		c := retrying(u.base())
		c.Routes[0].Upstreams[0].KeyMaxInflight = 1
		g := start(t, via, c)
		answered := g.begin(g.request("POST", "/api", strings.NewReader("hi")))
		if !within(patienceOfTests, hasFailed.Load) {
			t.Fatal("no request came")
		}
		next := several(elsewhere.base())
		next.Routes[0].Upstreams[0].ID = "elsewhere"
		g.reload(next)
		g.post("/api", "hi").ok(t)
		g.attempted("elsewhere ok")
		receive(t, answered, "an answer").ok(t)
		g.attempted("a status_503, a ok")
		if r := u.requests()[1]; r.body != "hi" || r.get("Authorization") != "Bearer sk-a" {
			t.Errorf("the second attempt was\n%s%s", r.head, r.body)
		}
		g.reload(c)
		g.ask("/api") // the slot is free
	})
}

// What is in cooldown is the same upstream as before for as long as its name, its
// address and its keys are.
func TestCooldownOfAnUpstreamIsCarriedOverAReload(t *testing.T) {
	down, b := closedPort(t), answering(t, okAnswer)
	g := start(t, inClear, retrying(down, b.base()))
	g.get("/api").ok(t)
	g.attempted("a connect_error, b ok")
	c := retrying(down, b.base())
	c.Routes[0].Upstreams[0].Weight = 7
	c.Routes[0].Upstreams[0].RequestTimeout = time.Hour
	g.reload(c)
	g.get("/api").ok(t)
	g.attempted("b ok")
	c = retrying(answering(t, okAnswer).base(), b.base()) // another address
	g.reload(c)
	g.get("/api").ok(t)
	g.attempted("a ok")
}

// Who mends a key and reloads wants it used, wherever the key stands.
func TestCooldownOfAnInjectedKeyEndsWithTheKey(t *testing.T) {
	for name, put := range map[string]func(u *config.Upstream, key string){
		"of a pool": func(u *config.Upstream, key string) { pooled(u, key) },
		"injected":  func(u *config.Upstream, key string) { u.InjectHeaders[0].Value = "Bearer sk-" + key },
		"injected in another way": func(u *config.Upstream, key string) {
			u.InjectHeaders = []config.Header{{Name: "x-goog-api-key", Value: key}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
				if keyOf(r) == "old" || r.get("x-goog-api-key") == "old" {
					c.send(answerOf(401, "no"))
					return
				}
				c.send(okAnswer)
			})
			b := answering(t, okAnswer)
			conf := func(key string) *config.Config {
				c := several(a.base(), b.base())
				put(&c.Routes[0].Upstreams[0], key)
				return c
			}
			g := start(t, inClear, conf("old"))
			for _, want := range []int{401, 200} { // the second from b
				if got := g.get("/api").status; got != want {
					t.Errorf("got %d, want %d", got, want)
				}
			}
			g.reload(conf("old"))
			g.get("/api").ok(t)
			if n := len(a.requests()); n != 1 {
				t.Errorf("an old key in cooldown was used: %d requests", n)
			}
			g.reload(conf("new"))
			g.get("/api").ok(t)
			if n := len(a.requests()); n != 2 {
				t.Errorf("the new key was not used: %d requests", n)
			}
		})
	}
}

// A lowered cap of a key admits nobody until enough have left, cuts nobody off,
// and sends nobody away while another key has room.
func TestLoweredCapOfAKeyIsKeptByGoingElsewhere(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		u := newHolding(t)
		conf := func(cap int) *config.Config {
			c := severalKeys(u.base(), "p", "q")
			c.Routes[0].Upstreams[0].Keys[0].MaxInflight = cap
			c.Routes[0].Upstreams[0].Keys[0].Weight = 1 << 30
			c.Routes[0].Upstreams[0].Keys[1].MaxInflight = 1
			return c
		}
		g := start(t, via, conf(3))
		var answers []<-chan *answer
		ask := func() string {
			answers = append(answers, g.begin(g.request("GET", "/api", nil)))
			return keyOf(u.next())
		}
		if keys := ask() + ask() + ask(); keys != "ppp" {
			t.Fatalf("the first three took the keys %s", keys)
		}
		g.reload(conf(1))
		if key := ask(); key != "q" {
			t.Errorf("with the cap lowered a request took key %s", key)
		}
		g.get("/api").refusal(t, 503, "upstream_concurrency_exceeded")
		u.letGo()
		for _, one := range answers {
			receive(t, one, "an answer").ok(t)
		}
		for range 5 {
			g.outcome()
		}
		g.ask("/api")
	})
}

// Connections that were idle before a reload serve after it, where their
// upstream is still there; the others are closed.
func TestIdleUpstreamConnectionsOutliveAReloadThatKeepsTheirUpstream(t *testing.T) {
	over(t, anyWouldDo, func(t *testing.T, via transport) {
		kept := answering(t, okAnswer)
		gone := make(chan bool, 1)
		dropped := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(okAnswer)
			c.awaitClosed()
			gone <- true
		})
		conf := func(bases ...string) *config.Config {
			c := newConfig(bases[0])
			for _, base := range bases[1:] {
				c.Routes = append(c.Routes, newRoute("other", "/other", base))
			}
			return c
		}
		g := start(t, via, conf(kept.base(), dropped.base()))
		g.ask("/api")
		g.ask("/other")
		next := conf(kept.base())
		next.Routes[0].Prefix = "/elsewhere"
		next.Routes[0].Upstreams[0].InjectHeaders[0].Value = "Bearer another"
		g.reload(next)
		receive(t, gone, "the end of the connection that nobody needs")
		g.ask("/elsewhere")
		if r := kept.requests()[1]; r.onConn != 1 || r.get("Authorization") != "Bearer another" {
			t.Errorf("the second request came on connection %d\n%s", r.onConn, r.head)
		}
	})
}
