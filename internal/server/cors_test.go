package server

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
)

const app = "https://app.example"

func corsConfig(base string, cors config.CORS) *config.Config {
	c := newConfig(base)
	cors.Enabled = true
	c.CORS = cors
	c.Auth.Sources = append(c.Auth.Sources, config.TokenSource{Header: "x-gw-token"})
	return c
}

func TestPreflightIsAnsweredHere(t *testing.T) {
	for _, row := range []struct {
		name  string
		cors  config.CORS
		asked []string
		want  http.Header
	}{
		{"empty lists allow what is asked", config.CORS{AllowOrigins: []string{app}},
			[]string{"Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: x-one,x-two"},
			http.Header{"Access-Control-Allow-Methods": {"PATCH"}, "Access-Control-Allow-Headers": {"x-one,x-two"}}},
		{"empty lists, headers asked in two lines", config.CORS{AllowOrigins: []string{app}},
			[]string{"Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: x-one", "Access-Control-Request-Headers: x-two"},
			http.Header{"Access-Control-Allow-Methods": {"PATCH"}, "Access-Control-Allow-Headers": {"x-one, x-two"}}},
		{"empty lists, no headers asked", config.CORS{AllowOrigins: []string{app}},
			[]string{"Access-Control-Request-Method: POST"},
			http.Header{"Access-Control-Allow-Methods": {"POST"}}},
		{"lists, and what no call works without", config.CORS{AllowOrigins: []string{app}, AllowMethods: []string{"GET", "POST"}, AllowHeaders: []string{"X-One"}},
			[]string{"Access-Control-Request-Method: DELETE", "Access-Control-Request-Headers: x-two"},
			http.Header{"Access-Control-Allow-Methods": {"GET, POST"}, "Access-Control-Allow-Headers": {"X-One, content-type, authorization, x-gw-token"}}},
		{"nothing is listed twice", config.CORS{AllowOrigins: []string{app}, AllowHeaders: []string{"Content-Type", "Authorization", "X-GW-Token"}},
			[]string{"Access-Control-Request-Method: GET"},
			http.Header{"Access-Control-Allow-Methods": {"GET"}, "Access-Control-Allow-Headers": {"Content-Type, Authorization, X-GW-Token"}}},
		{"any origin", config.CORS{AllowOrigins: []string{"*"}},
			[]string{"Access-Control-Request-Method: GET"},
			http.Header{"Access-Control-Allow-Methods": {"GET"}, "Access-Control-Allow-Origin": {"*"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := start(t, via, corsConfig(u.base(), row.cors))
				a := g.do(g.request("OPTIONS", "/api/x", nil, append(row.asked, "Origin: "+app, "Authorization:")...))
				row.want.Set("Access-Control-Max-Age", "600")
				row.want.Set("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
				if row.want.Get("Access-Control-Allow-Origin") == "" {
					row.want.Set("Access-Control-Allow-Origin", app)
				}
				if a.status != 204 || a.body != "" || !sameHeader(a.header, row.want) {
					t.Errorf("got %d %v\nwant %v", a.status, a.header, row.want)
				}
				if len(u.requests()) != 0 {
					t.Error("the preflight reached the upstream")
				}
			})
		})
	}
}

func TestForeignPreflightIsRefused(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, corsConfig(answering(t, okAnswer).base(), config.CORS{AllowOrigins: []string{app}}))
		a := g.do(g.request("OPTIONS", "/api", nil, "Origin: https://evil.example", "Access-Control-Request-Method: POST"))
		a.refusal(t, 403, "cors_origin_not_allowed")
		if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Vary") != "Origin" {
			t.Errorf("got %v", a.header)
		}
	})
}

func TestOptionsThatIsNoPreflightIsAnOrdinaryRequest(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, corsConfig(u.base(), config.CORS{AllowOrigins: []string{app}}))
		g.do(g.request("OPTIONS", "/api", nil, "Origin: "+app, "Authorization:")).refusal(t, 401, "unauthorized")
		g.do(g.request("OPTIONS", "/api", nil, "Access-Control-Request-Method: POST", "Authorization:")).refusal(t, 401, "unauthorized")
		g.do(g.request("GET", "/api", nil, "Origin: "+app, "Access-Control-Request-Method: POST", "Authorization:")).refusal(t, 401, "unauthorized")
		g.do(g.request("OPTIONS", "/api", nil, "Origin: "+app)).ok(t)
		if got := u.only().method; got != "OPTIONS" {
			t.Errorf("the upstream got %s", got)
		}
	})
}

func TestOriginMatchesAnEntryRegardlessOfCase(t *testing.T) {
	for _, row := range []struct {
		entry, origin string
		allowed       bool
	}{
		{app, app, true},
		{app, "HTTPS://App.Example", true},
		{"HTTPS://APP.EXAMPLE", app, true},
		{app, "http://app.example", false},
		{app, "https://app.example:443", false},
		{app, "https://app.example.evil", false},
		{app, "https://sub.app.example", false},
		{"https://app.example:8443", "https://app.example:8443", true},
		{"app.example", app, true},
		{"app.example", "http://app.example", true},
		{"app.example", "capacitor://APP.example", true},
		{"app.example", "https://app.example:8443", false},
		{"app.example:8443", "https://app.example:8443", true},
		{"app.example:8443", "https://app.example", false},
		{"app.example", "https://notapp.example", false},
		{"app.example", "null", false},
		{"app.example", "https://evil/app.example", false},
		{"*", "https://anything.example", true},
		{"*", "null", true},
	} {
		t.Run(row.entry+" "+row.origin, func(t *testing.T) {
			over(t, clearOrHTTP2, func(t *testing.T, via transport) {
				g := start(t, via, corsConfig(answering(t, okAnswer).base(), config.CORS{AllowOrigins: []string{"https://other.example", row.entry}}))
				got := g.get("/api", "Origin: "+row.origin).header.Get("Access-Control-Allow-Origin")
				want := ""
				switch {
				case row.allowed && row.entry == "*":
					want = "*"
				case row.allowed:
					want = row.origin
				}
				if got != want {
					t.Errorf("Access-Control-Allow-Origin is %q, want %q", got, want)
				}
			})
		})
	}
}

// Every other answer, of a matched or an unmatched route, from an upstream or
// the gateway itself.
func TestEveryAnswerSaysWhoMayReadIt(t *testing.T) {
	theirs := "HTTP/1.1 200 OK\r\nVary: Accept\r\nAccess-Control-Allow-Origin: https://theirs.example\r\nAccess-Control-Allow-Credentials: true\r\n" +
		"access-control-expose-headers: x\r\nACCESS-CONTROL-X: y\r\nContent-Length: 0\r\n\r\n"
	for _, row := range []struct {
		name, target string
		lines        []string
		status       int
		vary         []string
	}{
		{"upstream's", "/api", nil, 200, []string{"Accept", "Origin"}},
		{"400", "/api/..", nil, 400, []string{"Origin"}},
		{"401", "/api", []string{"Authorization:"}, 401, []string{"Origin"}},
		{"404", "/nowhere", nil, 404, []string{"Origin"}},
		{"502", "/down", nil, 502, []string{"Origin"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				c := corsConfig(answering(t, theirs).base(), config.CORS{AllowOrigins: []string{app}, ExposeHeaders: []string{"X-One", "x-two"}})
				c.Routes = append(c.Routes, newRoute("down", "/down", closedPort(t)))
				g := start(t, via, c)
				for _, origin := range []string{app, "https://evil.example", ""} {
					lines := row.lines
					if origin != "" {
						lines = append(slices.Clone(lines), "Origin: "+origin)
					}
					a := g.get(row.target, lines...)
					if a.status != row.status || !slices.Equal(a.header.Values("Vary"), row.vary) {
						t.Errorf("from %q: got %d, Vary %q, want %d and %q", origin, a.status, a.header.Values("Vary"), row.status, row.vary)
					}
					want := http.Header{}
					if origin == app {
						want = http.Header{"Access-Control-Allow-Origin": {app}, "Access-Control-Expose-Headers": {"X-One, x-two"}}
					}
					if got := accessControl(a.header); !sameHeader(got, want) {
						t.Errorf("from %q: got %v, want %v", origin, got, want)
					}
				}
			})
		})
	}
}

func accessControl(h http.Header) http.Header {
	only := make(http.Header)
	for name, values := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			only[name] = values
		}
	}
	return only
}

// An interim answer is not the page's to read, and a 101 is an answer like any
// other; the upstream's word counts in neither.
func TestInterimAnswersAndTunnelsLoseTheUpstreamsCORS(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		theirs := "Access-Control-Allow-Origin: *\r\n"
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 103 Early Hints\r\n" + theirs + "Link: </x>\r\n\r\n" + strings.Replace(wsOpen, "Upgrade:", theirs+"Upgrade:", 1))
			c.awaitGatewayGone()
		})
		g := start(t, via, corsConfig(u.base(), config.CORS{AllowOrigins: []string{app}}))
		c := g.dial()
		c.ask("GET /api HTTP/1.1", "Origin: "+app, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: "+wsKey)
		for _, want := range []string{
			"HTTP/1.1 103 Early Hints\r\nLink: </x>",
			"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + wsAccept + "\r\nAccess-Control-Allow-Origin: " + app + "\r\nVary: Origin\r\nConnection: Upgrade\r\nUpgrade: websocket",
		} {
			if got := c.head(); got != want {
				t.Errorf("got %q\nwant %q", got, want)
			}
		}
	})
}

func TestAnyOriginNeedsNoVary(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, corsConfig(answering(t, okAnswer).base(), config.CORS{AllowOrigins: []string{"*"}}))
		a := g.get("/api", "Origin: "+app)
		if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Vary") != "" {
			t.Errorf("got %v", a.header)
		}
	})
}

func TestWithoutCORSTheUpstreamsHeadersPass(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: x\r\nContent-Length: 0\r\n\r\n")
		g := start(t, via, newConfig(u.base()))
		a := g.do(g.request("OPTIONS", "/api", nil, "Origin: "+app, "Access-Control-Request-Method: POST"))
		if a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "x" || a.header.Get("Vary") != "" {
			t.Errorf("got %d %v", a.status, a.header)
		}
		u.only()
	})
}

func TestPreflightCarriesTheRequestID(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		c := newConfig(closedPort(t))
		c.CORS = config.CORS{Enabled: true, AllowOrigins: []string{"https://app.example"}}
		c.Observability = &config.Observability{RequestIDHeader: "x-request-id"}
		g := start(t, via, c)
		res := g.do(g.request("OPTIONS", "/api", nil, "Authorization:", "Origin: https://app.example", "Access-Control-Request-Method: POST", "X-Request-Id: mine"))
		if res.status != 204 || res.header.Get("X-Gw-Request-Id") != "mine" || res.header.Get("X-Request-Id") != "mine" {
			t.Errorf("got %d %v, want a 204 with the request's id", res.status, res.header)
		}
	})
}

// A preflight is an exchange like any other: its line says how long it took.
func TestPreflightHasALineWithItsTimeToFirstByte(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := run(t, via, observed+`
cors: {enabled: true, allow_origins: ["https://app.example"]}
routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]
`, closedPort(t))
		if a := g.do(g.request("OPTIONS", "/api/x", nil, "Authorization:", "Origin: https://app.example", "Access-Control-Request-Method: POST")); a.status != 204 {
			t.Fatalf("got %d", a.status)
		}
		if o := g.outcome(); o.FirstByte <= 0 || o.FirstByte > o.Duration {
			t.Errorf("its first byte came after %v of %v", o.FirstByte, o.Duration)
		}
		if l := g.line(); l.Status != 204 || l.End != "complete" || l.Route != "api" || l.Attempts != 0 {
			t.Errorf("the access log has %+v", l)
		}
	})
}
