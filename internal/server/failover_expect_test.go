package server

import (
	"strings"
	"testing"
)

// The client waits for a 100 before it sends its body. The first upstream
// refuses without one; the second has the body to itself.
func TestBodyThatWaitsFor100GoesToTheUpstreamThatAsksForIt(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(answerOf(503, "busy"))
			c.awaitClosed() // its body never comes
		})
		b := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 100 Continue\r\n\r\n")
			c.readBody(r)
			c.send(okAnswer)
		})
		g := start(t, via, uncooled(retrying(a.base(), b.base())))
		c := g.dial()
		c.ask("POST /api HTTP/1.1", "Expect: 100-continue", "Content-Length: 5")
		if h := c.head(); !strings.HasPrefix(h, "HTTP/1.1 100 ") {
			t.Fatalf("got %q, want the second upstream's 100", h)
		}
		c.send("hello")
		c.answer("POST").ok(t)
		g.attempted("a status_503, b ok")
		if a.only().body != "" || b.only().body != "hello" || b.only().get("Expect") != "100-continue" {
			t.Errorf("the first upstream got %q, the second\n%s%s", a.only().body, b.only().head, b.only().body)
		}
	})
}

// Where nobody asks for it, the client has its answer and has sent nothing.
func TestBodyThatWaitsFor100IsNotSentWhereAllRefuse(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		refuse := func(status int) *scriptedUpstream {
			return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
				c.send(answerOf(status, "no"))
				c.awaitClosed()
			})
		}
		cfg := uncooled(retrying(refuse(503).base(), refuse(429).base()))
		cfg.Routes[0].Retry.MaxAttempts = 2
		g := start(t, via, cfg)
		c := g.dial()
		c.ask("POST /api HTTP/1.1", "Expect: 100-continue", "Content-Length: 1000000")
		if a := c.answer("POST"); a.status != 429 || a.body != "no" || a.header.Get("Connection") != "close" {
			t.Errorf("got %d %v %q", a.status, a.header, a.body)
		}
		if o := g.attempted("a status_503, b status_429"); o.BytesIn != 0 {
			t.Errorf("%d bytes came in", o.BytesIn)
		}
	})
}
