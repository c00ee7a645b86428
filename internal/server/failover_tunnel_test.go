package server

import (
	"fmt"
	"strings"
	"testing"
)

// A handshake is a GET without a body: it is retried elsewhere for whatever kept
// the first tunnel from opening, and is never uncertain.
func TestHandshakeIsRetriedElsewhere(t *testing.T) {
	for _, row := range []struct {
		name, result string
		refuse       func(*upstreamConn)
	}{
		{"refused", "status_503", func(c *upstreamConn) { c.send(answerOf(503, "busy")) }},
		{"reset", "broken", (*upstreamConn).reset},
		{"closed", "broken", (*upstreamConn).hangUp},
		{"accepted wrongly", "broken", func(c *upstreamConn) {
			c.send(strings.Replace(wsOpen, wsAccept, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1))
			c.awaitClosed()
		}},
		{"not reached", "connect_error", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				base := closedPort(t)
				if row.refuse != nil {
					base = newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { row.refuse(c) }).base()
				}
				b := echoing(t)
				g := run(t, via, observed+`
routes:
  - id: api
    prefix: /api
    upstreams: [{id: a, base_url: %q}, {id: b, priority: 1, base_url: %q}]
    retry: {max_attempts: 2}
`, base, b.base())
				c := g.dial()
				c.handshake("/api/realtime?model=m", "eager")
				c.opened()
				c.expect("EAGER")
				c.send("more")
				c.expect("MORE")
				if r := b.only(); r.target != "/realtime?model=m" || r.get("Sec-WebSocket-Key") != wsKey || r.get("Upgrade") != "websocket" || r.get("Connection") != "Upgrade" {
					t.Errorf("the second upstream got\n%s", r.head)
				}
				c.Close()
				g.attempted("a " + row.result + ", b ok")
				if l := g.line(); l.Status != 101 || l.Upstream != "b" || l.Attempts != 2 || l.Code != "" || l.BytesOut != int64(len("EAGERMORE")) {
					t.Errorf("the access log has %+v", l)
				}
				g.counts(`gateway_streams_total{end="complete",route="api"}`, "1")
			})
		})
	}
}

// Where no attempt opens a tunnel, the client reads the last answer and may ask on
// the same connection.
func TestHandshakeThatIsRefusedEverywhereGetsTheLastAnswer(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		refuse := func(status int) *scriptedUpstream {
			return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
				if r.has("Upgrade") {
					c.send(answerOf(status, "no", "X-Theirs: 1"))
					return
				}
				c.send(okAnswer)
			})
		}
		cfg := uncooled(retrying(refuse(503).base(), refuse(429).base()))
		cfg.Routes[0].Retry.MaxAttempts = 2
		g := start(t, via, cfg)
		c := g.dial()
		c.handshake("/api", "")
		if a := c.answer("GET"); a.status != 429 || a.body != "no" || a.header.Get("X-Theirs") != "1" || a.header.Get("Upgrade") != "" {
			t.Errorf("got %d %v %q, want the last refusal unchanged", a.status, a.header, a.body)
		}
		g.attempted("a status_503, b status_429")
		c.ask("GET /api HTTP/1.1")
		c.answer("GET").ok(t)
	})
}

// openingForAllButP is an upstream that opens tunnels, but refuses handshakes
// that come with the key p.
func openingForAllButP(t *testing.T) *scriptedUpstream {
	return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		switch {
		case !r.has("Upgrade"):
			c.send(okAnswer)
		case keyOf(r) == "p":
			c.send(answerOf(503, "busy"))
		default:
			c.send(wsOpen)
			c.awaitGatewayGone()
		}
	})
}

// The slot of the key that a tunnel was opened with is held until its end; that
// of the key that refused it is free at once.
func TestTunnelThatWasOpenedElsewhereHoldsItsOwnSlotAlone(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := openingForAllButP(t)
		cfg := inTurn(stickyOneEach(u.base(), "p", "q"))
		cfg.Routes[0].Retry.MaxAttempts = 2
		g := start(t, via, uncooled(cfg))
		c := g.dial()
		c.handshake("/api", "")
		c.opened()
		if keys := u.keysOf(); keys != "p q" {
			t.Fatalf("the handshake went to the keys %s", keys)
		}
		for range 3 {
			g.get("/api").ok(t) // p is free
			g.attempted("a/p ok")
		}
		c.Close()
		g.attempted("a/p status_503, a/q ok")
		g.get("/api").ok(t)
		g.get("/api").ok(t)
		if keys := strings.Fields(u.keysOf()); fmt.Sprint(keys[5:]) != "[q p]" && fmt.Sprint(keys[5:]) != "[p q]" {
			t.Errorf("after the tunnel's end requests went to the keys %v, want both", keys[5:])
		}
	})
}

// A session follows its tunnel.
func TestSessionMovesWithItsHandshake(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := openingForAllButP(t)
		cfg := withSessions(inTurn(severalKeys(u.base(), "p", "q")))
		cfg.Routes[0].Retry.MaxAttempts = 2
		g := start(t, via, uncooled(cfg))
		g.get("/api", sessionHeader+": alice").ok(t) // at p
		c := g.dial()
		c.handshake("/api", "", sessionHeader+": alice")
		c.opened()
		g.get("/api", sessionHeader+": alice").ok(t)
		c.Close()
		g.get("/api", sessionHeader+": alice").ok(t)
		if keys := u.keysOf(); keys != "p p q q q" {
			t.Errorf("the session went to the keys %s", keys)
		}
	})
}

// A connection that was kept idle and is closed by its upstream just then costs
// no handshake, and no attempt of the route's.
func TestHandshakeOnAConnectionThatHasJustEndedIsSentOnceMore(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			switch {
			case !r.has("Upgrade"):
				c.send(okAnswer)
			case r.onConn == 1:
				c.hangUp()
			default:
				c.send(wsOpen + "hello")
				c.awaitGatewayGone()
			}
		})
		g := start(t, via, newConfig(u.base()))
		g.ask("/api")
		c := g.dial()
		c.handshake("/api", "")
		c.opened()
		c.expect("hello")
		c.Close()
		if o := g.outcome(); len(o.Attempts) != 1 || o.Status != 101 {
			t.Errorf("it is accounted as %d after %q", o.Status, results(o))
		}
	})
}
