package server

import (
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// An answer that is kept during another attempt is still that of the
// upstream that gave it: what that one keeps back stays back.
func TestHeldAnswerLosesTheHeadersOfItsOwnUpstream(t *testing.T) {
	over(t, anyWouldDo, func(t *testing.T, via transport) {
		a := answering(t, answerOf(503, "busy", "Openai-Organization: acme", "X-Other: stays"))
		c := retrying(a.base(), closedPort(t))
		c.Routes[0].Retry.MaxAttempts = 2
		c.Routes[0].Upstreams[0].RemoveResponseHeaders = []string{"openai-organization"}
		c.Routes[0].Upstreams[1].RemoveResponseHeaders = []string{"x-other"}
		g := start(t, via, c)
		res := g.get("/api")
		if res.status != 503 || res.body != "busy" {
			t.Fatalf("got %d %q, want the upstream's 503", res.status, res.body)
		}
		if v := res.header.Values("Openai-Organization"); len(v) > 0 {
			t.Errorf("the client reads %q", v)
		}
		if res.header.Get("X-Other") != "stays" {
			t.Error("a header is missing that its upstream lets pass")
		}
	})
}

// The budget may run out while an answer is read to be kept.
func TestBudgetThatEndsInAHeldAnswerIsATimeout(t *testing.T) {
	over(t, anyWouldDo, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nhalf")
			c.awaitGatewayGone()
		})
		c := newConfig(u.base())
		c.Routes[0].Retry = config.Retry{MaxAttempts: 2, On: []string{"503"}}
		c.Routes[0].Upstreams[0].RequestTimeout = 100 * time.Millisecond
		g := start(t, via, c)
		g.get("/api").refusal(t, 504, "upstream_timeout")
	})
}

// Its client may leave while an answer is kept that is whole already: the
// connection it came on was ended with the exchange, and must carry no other.
func TestConnectionOfAHeldAnswerWhoseClientLeftCarriesNoOther(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		ended := make(chan struct{})
		first := true
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if !first {
				c.send(okAnswer)
				return
			}
			first = false
			c.send(answerOf(429, "later", "Retry-After: 60"))
			c.awaitGatewayGone()
			close(ended)
		})
		c := retrying(u.base())
		pooled(&c.Routes[0].Upstreams[0], "one", "two")
		g := start(t, via, c)
		leave := make(chan func(), 1)
		g.gateway.OnCooldown(func(c gateway.CooldownChange) {
			if c.For == 0 {
				return
			}
			(<-leave)()
			receive(t, ended, "the end of the connection")
		})
		leave <- g.leaving("POST", "/api")
		if o := g.outcome(); o.End != gateway.ClientGone {
			t.Fatalf("ended as %s, want client_gone", o.End)
		}
		g.post("/api", "hi").ok(t)
	})
}

// A stream may last as long as it likes, kept or not.
func TestHeldStreamOutlastsTheBudget(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send("HTTP/1.1 503 No\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\nslow")
			waitFor(2 * time.Second) // longer than it is held back, and than the budget
			c.send(" down")
		})
		c := uncooled(retrying(a.base(), closedPort(t)))
		c.Routes[0].Retry.MaxAttempts = 2
		c.Routes[0].Upstreams[0].RequestTimeout = 1500 * time.Millisecond
		g := start(t, via, c)
		if got := g.post("/api", "hi"); got.status != 503 || got.body != "slow down" || got.err != nil {
			t.Errorf("got %d %q (%v), want all of the stream", got.status, got.body, got.err)
		}
	})
}

// The rest of a held answer still comes with the key that it was asked for with.
func TestHeldAnswerKeepsTheSlotOfItsOwnKey(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if string(r.body) != "first" {
				c.send(okAnswer)
				return
			}
			c.send("HTTP/1.1 503 No\r\nContent-Length: 1000\r\n\r\nthe beginning")
			c.awaitClosed()
		})
		b := newHolding(t)
		c := uncooled(retrying(a.base(), b.base()))
		c.Routes[0].Upstreams[0].KeyMaxInflight = 1
		c.Routes[0].Upstreams[1].KeyMaxInflight = 1
		c.Routes[0].Retry.MaxAttempts = 2
		g := start(t, via, c)
		first := g.begin(g.request("POST", "/api", strings.NewReader("first")))
		b.next()
		g.post("/api", "second").refusal(t, 503, "upstream_concurrency_exceeded")
		b.letGo()
		receive(t, first, "the better answer").ok(t)
		g.post("/api", "third").ok(t)
		if len(a.requests()) != 2 {
			t.Errorf("the key's slot did not come back: %d requests", len(a.requests()))
		}
	})
}

// The attempt behind a held answer came to nothing, and so does its slot.
func TestHeldAnswerHoldsNoSlotOfAnotherAttempt(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		failed := make(chan struct{})
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if string(r.body) != "first" {
				c.send(answerOf(503, "no"))
				return
			}
			c.send("HTTP/1.1 503 No\r\nContent-Length: 22\r\n\r\nthe beginning")
			<-failed
			c.send(", the end")
		})
		b := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if string(r.body) != "first" {
				c.send(okAnswer)
				return
			}
			c.reset()
			close(failed)
		})
		c := uncooled(retrying(a.base(), b.base()))
		c.Routes[0].Upstreams[1].KeyMaxInflight = 1
		c.Routes[0].Retry.MaxAttempts = 2
		g := start(t, via, c)
		if first := g.post("/api", "first"); first.status != 503 || first.body != "the beginning, the end" {
			t.Errorf("got %d %q (%v), want the held answer", first.status, first.body, first.err)
		}
		g.outcome()
		g.post("/api", "second").ok(t)
	})
}

// A held answer is no reason to read on for longer: nobody will see it.
func TestHeldAnswerDoesNotProlongReadingOn(t *testing.T) {
	overAtOnce(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send("HTTP/1.1 503 No\r\nContent-Length: 1000\r\n\r\nthe beginning")
			c.awaitClosed()
		})
		arrived := make(chan bool, 1)
		b := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			arrived <- true
			c.awaitClosed()
		})
		c := uncooled(retrying(a.base(), b.base()))
		c.Routes[0].Stream = config.Stream{DrainOnDisconnect: true, DrainMax: time.Second}
		g := start(t, via, c)
		leave := g.leaving("POST", "/api")
		receive(t, arrived, "the second attempt")
		leave()
		left := time.Now()
		if o := g.outcome(); o.End != gateway.ClientGone {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
		about(t, "reading on", time.Since(left), time.Second)
	})
}
