package server

import (
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
)

// everyLimit is a configuration in which each step of the way can refuse: one
// request a minute, one at a time.
func everyLimit(base string) *config.Config {
	c := newConfig(base)
	c.CORS = config.CORS{Enabled: true, AllowOrigins: []string{"https://app.example"}}
	c.RateLimit.PerMinute = 1
	c.Concurrency.DownstreamMaxInflight = 1
	c.Concurrency.UpstreamPerKeyMaxInflight = 1
	return c
}

func TestEarlierStepsAnswerWins(t *testing.T) {
	preflight := []string{"Origin: https://app.example", "Access-Control-Request-Method: POST"}
	foreign := []string{"Origin: https://evil.example", "Access-Control-Request-Method: POST"}
	noToken := "Authorization:"
	for _, c := range []struct {
		name           string
		method, target string
		lines          []string
		status         int
		code           string
	}{
		{"healthz comes before everything", "GET", "/healthz", []string{noToken}, 200, ""},
		{"a dot segment before no route", "GET", "/nowhere/../x", []string{noToken}, 400, "invalid_path"},
		{"a dot segment before a preflight", "OPTIONS", "/api/..", append(preflight, noToken), 400, "invalid_path"},
		{"no route before a preflight", "OPTIONS", "/nowhere", append(preflight, noToken), 404, "route_not_found"},
		{"no route before no token", "GET", "/nowhere", []string{noToken}, 404, "route_not_found"},
		{"a preflight before no token", "OPTIONS", "/api", append(preflight, noToken), 204, ""},
		{"a foreign preflight before no token", "OPTIONS", "/api", append(foreign, noToken), 403, "cors_origin_not_allowed"},
		{"no token before the rate limit", "GET", "/api", []string{noToken}, 401, "unauthorized"},
		{"the rate limit before the downstream cap", "GET", "/api", nil, 429, "rate_limited"},
		{"the downstream cap before the upstream cap", "GET", "/api", []string{"Authorization: Bearer " + otherToken}, 503, "downstream_concurrency_exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				g := start(t, via, everyLimit(holding(t).base()))
				g.open(g.request("GET", "/api/held", nil)) // takes the window and both slots
				a := g.do(g.request(c.method, c.target, nil, c.lines...))
				if c.code == "" {
					if a.status != c.status {
						t.Fatalf("got %d %q, want %d", a.status, a.body, c.status)
					}
					return
				}
				a.refusal(t, c.status, c.code)
			})
		})
	}
}

func TestUpstreamCapComesAfterTheDownstreamCap(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		c := everyLimit(holding(t).base())
		c.Concurrency.DownstreamMaxInflight = 2
		c.RateLimit.PerMinute = 0
		g := start(t, via, c)
		g.open(g.request("GET", "/api/held", nil))
		g.get("/api").refusal(t, 503, "upstream_concurrency_exceeded")
	})
}

// holding is an upstream that begins a stream and never ends it.
func holding(t *testing.T) *scriptedUpstream {
	return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.send(eventHead)
		c.sendChunk("data: first\n\n")
		c.awaitGatewayGone()
	})
}

func TestHealthzNeedsNoTokenAndNoRoute(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		c := newConfig(u.base())
		c.Routes[0].Prefix = "/"
		g := start(t, via, c)
		for _, target := range []string{"/healthz", "/healthz?verbose", "/healthz?a=/../"} {
			a := g.get(target, "Authorization:")
			if a.status != 200 || a.body != `{"status":"ok"}` || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: got %d %q %v", target, a.status, a.body, a.header)
			}
		}
		if a := g.do(g.request("HEAD", "/healthz", nil, "Authorization:")); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "15" {
			t.Errorf("HEAD: got %d %q %v", a.status, a.body, a.header)
		}
		if a := g.post("/healthz", "x"); a.status != 405 || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: got %d %v, want 405 and what is allowed", a.status, a.header)
		}
		if n := len(u.requests()); n != 0 {
			t.Errorf("%d requests reached the upstream", n)
		}
		if a := g.get("/healthz/"); a.status != 200 || a.body != `{"ok":true}` {
			t.Errorf("/healthz/ is the route's: got %d %q", a.status, a.body)
		}
	})
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		c := everyLimit(holding(t).base())
		g := start(t, via, c)
		if a := g.get("/api", "Authorization:"); a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("401 without its challenge: %v", a.header)
		}
		g.open(g.request("GET", "/api", nil))
		if a := g.get("/api", "Authorization: Bearer "+otherToken); a.status != 503 || a.header.Get("Retry-After") != "1" {
			t.Errorf("got %d, Retry-After %q, want 503 and 1", a.status, a.header.Get("Retry-After"))
		}
	})
}

func TestRefusalAnswersHeadWithoutABody(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		a := g.do(g.request("HEAD", "/nowhere", nil))
		if a.status != 404 || a.body != "" || a.header.Get("Content-Length") != "27" {
			t.Errorf("got %d %q, Content-Length %q", a.status, a.body, a.header.Get("Content-Length"))
		}
		g.get("/api").ok(t)
	})
}

func TestMethodsThatAreNotOfferedGetABare501(t *testing.T) {
	for _, line := range []string{
		"CONNECT upstream.example:443 HTTP/1.1",
		"TRACE /api HTTP/1.1",
		"OPTIONS * HTTP/1.1",
	} {
		t.Run(strings.Fields(line)[0], func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := start(t, via, newConfig(u.base()))
				c := g.dial()
				c.ask(line)
				if got := c.head(); got != "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close" {
					t.Errorf("got %q", got)
				}
				c.closed()
				if len(u.requests()) != 0 {
					t.Error("the upstream was asked")
				}
			})
		})
	}
	t.Run("over HTTP/2", func(t *testing.T) {
		over(t, http2Alone, func(t *testing.T, via transport) {
			g := start(t, via, newConfig(answering(t, okAnswer).base()))
			if a := g.do(g.request("TRACE", "/api", nil)); a.status != 501 || a.body != "" {
				t.Errorf("TRACE: got %d %q", a.status, a.body)
			}
			if a := g.do(g.request("OPTIONS", "*", nil)); a.status != 501 || a.body != "" {
				t.Errorf("OPTIONS *: got %d %q", a.status, a.body)
			}
		})
	})
}

func TestMalformedRequestGetsABareStatusAndTheConnectionsEnd(t *testing.T) {
	for _, c := range []struct{ name, request, status string }{
		{"garbage", "\x16\x03\x01 hello\r\n\r\n", "400 Bad Request"},
		{"garbage without an end", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400 Bad Request"}, // TLS where there is none
		{"a word without an end", "QUIT\r\n", "400 Bad Request"},
		{"no host", "GET /api HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{"both framings", "POST /api HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 Bad Request"},
		{"head too large", "GET /api HTTP/1.1\r\nHost: g\r\nX: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "431 Request Header Fields Too Large"},
		{"version", "GET /api HTTP/3.0\r\nHost: g\r\n\r\n", "505 HTTP Version Not Supported"},
		{"bad chunk after a good head", "POST /api HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + token + "\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400 Bad Request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := start(t, via, newConfig(u.base()))
				conn := g.dial()
				conn.send(c.request)
				if got := conn.head(); got != "HTTP/1.1 "+c.status+"\r\nContent-Length: 0\r\nConnection: close" {
					t.Errorf("got %q, want a bare %s", got, c.status)
				}
				conn.closed()
				if len(u.requests()) != 0 {
					t.Error("the upstream was asked")
				}
			})
		})
	}
}
