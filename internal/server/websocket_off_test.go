package server

import (
	"strings"
	"testing"
)

// A handshake that is not wanted is refused so that agents fall back to HTTP at
// once, on the same connection if they like. RFC 9110 section 15.5.22 wants a
// 426 to name the protocol that will do.
func TestUnwantedHandshakeGets426(t *testing.T) {
	for _, row := range []struct{ name, format, body string }{
		{"simple", "simple", `{"error":"websocket_disabled"}`},
		{"native", "native", `{"error":{"code":"websocket_disabled","message":"gateway: websocket_disabled","param":null,"type":"invalid_request_error"}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				u := echoing(t)
				g := run(t, via, observed+`
errors: {format: %s}
concurrency: {downstream_max_inflight: 1}
routes: [{id: api, prefix: /api, upstream: {base_url: %q, websocket: false}}]
`, row.format, u.base())
				c := g.dial()
				for range 2 {
					c.handshake("/api/v1/responses", "")
					a := c.answer("GET")
					if a.status != 426 || a.body != row.body {
						t.Fatalf("got %d %q", a.status, a.body)
					}
					if a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Gw-Error") != "websocket_disabled" {
						t.Errorf("its head is %v", a.header)
					}
					if a.header.Get("Upgrade") != "HTTP/1.1" || !strings.EqualFold(a.header.Get("Connection"), "upgrade") {
						t.Errorf("Upgrade is %q and Connection %q, want the protocol that will do", a.header.Get("Upgrade"), a.header.Values("Connection"))
					}
					if a.header.Get("Sec-WebSocket-Accept") != "" || a.header.Get("Sec-WebSocket-Version") != "" || a.header.Get("Retry-After") != "" {
						t.Errorf("its head invites another handshake: %v", a.header)
					}
					if l := g.line(); l.Status != 426 || l.Code != "websocket_disabled" || l.End != "refused" || l.Attempts != 0 {
						t.Errorf("the access log has %+v", l)
					}
				}
				c.ask("POST /api/v1/responses HTTP/1.1", "Content-Length: 2")
				c.send("hi")
				c.answer("POST").ok(t)
				g.counts(`gateway_requests_total{code="websocket_disabled",method="GET",route="api",status="426"}`, "2")
				if n := len(u.requests()); n != 1 {
					t.Errorf("the upstream got %d requests, want the last alone", n)
				}
			})
		})
	}
}

func TestUnwantedHandshakeGoesThroughTheStepsBefore(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := echoing(t)
		g := run(t, via, "rate_limit: {per_minute: 1}\nroutes: [{id: api, prefix: /api, upstream: {base_url: %q, websocket: false}}]", u.base())
		c := g.dial()
		c.send("GET /api HTTP/1.1\r\nHost: g\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: " + wsKey + "\r\n\r\n")
		c.answer("GET").refusal(t, 401, "unauthorized")
		for range 3 { // its place is given back
			c.handshake("/api", "")
			c.answer("GET").refusal(t, 426, "websocket_disabled")
		}
		c.ask("GET /api HTTP/1.1")
		c.answer("GET").ok(t)
	})
}

func TestHandshakeGoesToTheUpstreamThatOffersIt(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		a, b := echoing(t), echoing(t)
		g := run(t, via, `
routes:
  - id: api
    prefix: /api
    upstreams:
      - {id: a, base_url: %q, websocket: false}
      - {id: b, priority: 1, base_url: %q}
`, a.base(), b.base())
		c := g.dial()
		c.handshake("/api", "eager")
		c.opened()
		c.expect("EAGER")
		c.Close()
		g.attempted("b ok")
		g.get("/api").ok(t)
		g.attempted("a ok")
		if len(a.requests()) != 1 || a.only().has("Upgrade") {
			t.Errorf("the upstream without WebSockets got %d requests", len(a.requests()))
		}
	})
}
