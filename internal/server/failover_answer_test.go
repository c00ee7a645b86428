package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/gateway"
)

// refusals are answers of a listed status in every form that an answer has.
var refusals = map[string]struct {
	head  string
	body  string // as the client reads it
	wire  string // as it is sent
	close bool
}{
	"by length":        {"Content-Length: 9\r\n", "slow down", "slow down", false},
	"empty":            {"Content-Length: 0\r\n", "", "", false},
	"chunked":          {"Transfer-Encoding: chunked\r\n", "slow down", "4\r\nslow\r\n5\r\n down\r\n0\r\n\r\n", false},
	"until close":      {"", "slow down", "slow down", true},
	"large by length":  {"Content-Length: 3000000\r\n", large, large, false},
	"large chunked":    {"Transfer-Encoding: chunked\r\n", large, chunk(large[:1_000_000]) + chunk(large[1_000_000:]) + lastChunk, false},
	"large till close": {"", large, large, true},
	"just over":        {"Content-Length: 65537\r\n", large[:65537], large[:65537], false},
}

var large = strings.Repeat("0123456789", 300_000)

func (u *scriptedUpstream) refuse(c *upstreamConn, name string, status int) {
	r := refusals[name]
	c.send(fmt.Sprintf("HTTP/1.1 %d No\r\nX-Theirs: one\r\nX-Theirs: two\r\nSet-Cookie: a\r\nRetry-After: 0\r\nRequest-Id: r1\r\n%s\r\n%s", status, r.head, r.wire))
	if r.close {
		c.hangUp()
	}
}

func refusing(t *testing.T, name string, status int) (u *scriptedUpstream) {
	u = newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.readBody(r)
		u.refuse(c, name, status)
	})
	return u
}

func unchanged(t *testing.T, a *answer, name string, status int) {
	t.Helper()
	if a.err != nil || a.status != status || a.body != refusals[name].body {
		t.Errorf("got %d and %d bytes (%v), want %d and the %d bytes of the answer", a.status, len(a.body), a.err, status, len(refusals[name].body))
	}
	if got := strings.Join(a.header.Values("X-Theirs"), " "); got != "one two" || a.header.Get("Set-Cookie") != "a" || a.header.Get("Request-Id") != "r1" || a.header.Get("Retry-After") != "0" {
		t.Errorf("the header lines are %v", a.header)
	}
	if by := fmt.Sprint(len(a.body)); strings.Contains(refusals[name].head, "Length") && a.header.Get("Content-Length") != by {
		t.Errorf("Content-Length is %q, want %s", a.header.Get("Content-Length"), by)
	}
	if a.header.Get("X-Gw-Error") != "" {
		t.Error("it passes for the gateway's own error")
	}
}

func TestAttemptsUsedUpTheClientGetsTheLastAnswerUnchanged(t *testing.T) {
	for name := range refusals {
		t.Run(name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				a, b := refusing(t, "by length", 429), refusing(t, name, 503)
				c := uncooled(retrying(a.base(), b.base()))
				c.Routes[0].Retry.MaxAttempts = 2
				g := start(t, via, c)
				unchanged(t, g.post("/api", "hi"), name, 503)
				g.attempted("a status_429, b status_503")
			})
		})
	}
}

// An answer is worth more than the gateway's own error.
func TestAnswerOutlivesAttemptsThatGotNone(t *testing.T) {
	for name := range refusals {
		for later, second := range map[string]func(t *testing.T) (base, result string){
			"refused": func(t *testing.T) (string, string) { return closedPort(t), "connect_error" },
			"reset": func(t *testing.T) (string, string) {
				return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.reset() }).base(), "broken"
			},
			"no TLS": func(t *testing.T) (string, string) { return "https://" + babbling(t), "connect_error" },
		} {
			t.Run(name+" then "+later, func(t *testing.T) {
				over(t, clearOrHTTP2, func(t *testing.T, via transport) {
					a := refusing(t, name, 429)
					base, result := second(t)
					c := uncooled(retrying(a.base(), base))
					c.Routes[0].Retry.MaxAttempts = 2
					g := start(t, via, c)
					unchanged(t, g.post("/api", "hi"), name, 429)
					o := g.attempted("a status_429, b " + result)
					if o.End != gateway.Complete || o.Status != 429 || o.Code != "" || o.BytesOut != int64(len(refusals[name].body)) {
						t.Errorf("outcome %+v", o)
					}
				})
			})
		}
	}
}

func TestAnswerToHEADIsKeptToo(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 429 No\r\nContent-Length: 70000\r\nX-Theirs: 1\r\n\r\n")
		})
		c := uncooled(retrying(a.base(), closedPort(t)))
		g := start(t, via, c)
		got := g.do(g.request("HEAD", "/api", nil))
		if got.status != 429 || got.header.Get("Content-Length") != "70000" || got.header.Get("X-Theirs") != "1" || got.body != "" {
			t.Errorf("got %d %v %q", got.status, got.header, got.body)
		}
	})
}

func TestBetterAnswerReplacesTheOneKept(t *testing.T) {
	for name := range refusals {
		t.Run(name, func(t *testing.T) {
			over(t, clearOrHTTP2, func(t *testing.T, via transport) {
				a, b := refusing(t, name, 429), answering(t, answerOf(401, "who?"))
				g := start(t, via, uncooled(retrying(a.base(), b.base())))
				if got := g.post("/api", "hi"); got.status != 401 || got.body != "who?" || got.header.Get("X-Theirs") != "" {
					t.Errorf("got %d %v %q, want the last answer alone", got.status, got.header, got.body)
				}
			})
		})
	}
}

func TestWithoutAnyAnswerTheClientGetsTheGatewaysError(t *testing.T) {
	broken := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.reset() })
	for _, c := range []struct {
		name   string
		bases  []string
		status int
		code   string
	}{
		{"none reached", []string{closedPort(t), closedPort(t)}, 502, "upstream_connect_error"},
		{"the last one broke", []string{closedPort(t), broken.base()}, 502, "upstream_request_failed"},
		{"the last one timed out", []string{closedPort(t), "https://" + silent(t)}, 504, "upstream_timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			over(t, clearOrHTTP2, func(t *testing.T, via transport) {
				cfg := uncooled(several(c.bases...))
				cfg.Routes[0].Retry.MaxAttempts = 2
				cfg.Routes[0].Upstreams[1].ConnectTimeout = 50 * time.Millisecond
				g := start(t, via, cfg)
				g.post("/api", "hi").refusal(t, c.status, c.code)
				if o := g.outcome(); o.Status != c.status || o.Code != c.code || o.Cause == nil || o.Upstream != "b" {
					t.Errorf("outcome %+v", o)
				}
			})
		})
	}
}

func TestBudgetUsedUpTheClientGetsTheLastAnswerUnchanged(t *testing.T) {
	for name := range refusals {
		for later, second := range map[string]func(t *testing.T) string{
			"silence":        func(t *testing.T) string { return newUpstream(t, awaitGatewayGone).base() },
			"silence on TLS": func(t *testing.T) string { return "https://" + silent(t) },
		} {
			t.Run(name+" then "+later, func(t *testing.T) {
				over(t, clearOrHTTP2, func(t *testing.T, via transport) {
					a := refusing(t, name, 429)
					c := uncooled(retrying(a.base(), second(t)))
					c.Routes[0].Upstreams[0].RequestTimeout = 200 * time.Millisecond
					g := start(t, via, c)
					begun := time.Now()
					unchanged(t, g.post("/api", "hi"), name, 429)
					about(t, "the answer", time.Since(begun), 200*time.Millisecond)
					if o := g.attempted("a status_429, b timeout"); o.Status != 429 || o.Code != "" || o.End != gateway.Complete {
						t.Errorf("outcome %+v", o)
					}
				})
			})
		}
	}
}

func awaitGatewayGone(c *upstreamConn, r *upstreamRequest) { c.awaitGatewayGone() }

// The rest of a refusal may take its time, or never come.
func TestRefusalThatDoesNotEndKeepsNobodyWaiting(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send("HTTP/1.1 429 No\r\nContent-Length: 1000\r\n\r\nthe beginning")
			c.awaitClosed()
		})
		b := answering(t, okAnswer)
		g := start(t, via, uncooled(retrying(a.base(), b.base())))
		begun := time.Now()
		g.post("/api", "hi").ok(t)
		about(t, "the answer", time.Since(begun), 0)
		g.attempted("a status_429, b ok")
	})
}

func TestRefusalThatGoesOnIsReadOnIfNothingBetterComes(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		second := make(chan bool)
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send("HTTP/1.1 429 No\r\nContent-Length: 9\r\n\r\nslow")
			<-second
			waitFor(50 * time.Millisecond)
			c.send(" down")
		})
		b := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			close(second)
			c.reset()
		})
		c := uncooled(retrying(a.base(), b.base()))
		c.Routes[0].Retry.MaxAttempts = 2
		g := start(t, via, c)
		if got := g.post("/api", "hi"); got.status != 429 || got.body != "slow down" || got.err != nil {
			t.Errorf("got %d %q (%v), want all of the refusal", got.status, got.body, got.err)
		}
	})
}

func TestRefusalThatBreaksOffIsNoAnswerToKeep(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send("HTTP/1.1 429 No\r\nContent-Length: 1000\r\n\r\nthe beginning")
			c.reset()
		})
		c := uncooled(retrying(a.base(), closedPort(t)))
		c.Routes[0].Retry.MaxAttempts = 2
		g := start(t, via, c)
		g.post("/api", "hi").refusal(t, 502, "upstream_connect_error")
	})
}

// What is not for the client differs from upstream to upstream.
func TestKeptAnswerLosesWhatItsOwnUpstreamIsNotToShow(t *testing.T) {
	a := answering(t, answerOf(429, "", "X-Secret: a", "X-Shown: a"))
	c := uncooled(retrying(a.base(), closedPort(t)))
	c.Routes[0].Upstreams[0].RemoveResponseHeaders = []string{"x-secret"}
	c.Routes[0].Upstreams[1].RemoveResponseHeaders = []string{"x-shown"}
	g := start(t, inClear, c)
	if h := g.post("/api", "hi").header; h.Get("X-Secret") != "" || h.Get("X-Shown") != "a" {
		t.Errorf("got %v", h)
	}
}

func TestConnectionOfARefusalIsUsedAgain(t *testing.T) {
	a, b := refusing(t, "chunked", 429), answering(t, okAnswer)
	g := start(t, inClear, uncooled(retrying(a.base(), b.base())))
	for range 3 {
		g.post("/api", "hi").ok(t)
		g.outcome()
	}
	for _, r := range a.requests() {
		if r.onConn != 1 {
			t.Errorf("a request came on connection %d", r.onConn)
		}
	}
}

// A slow client must be able to take the rest of a large refusal.
func TestClientThatLeavesAKeptAnswerEndsIt(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send("HTTP/1.1 429 No\r\nContent-Length: 100000\r\n\r\n" + large[:70_000])
			c.awaitClosed()
		})
		c := uncooled(retrying(a.base(), closedPort(t)))
		c.Routes[0].Upstreams[0].KeyMaxInflight = 1
		g := start(t, via, c)
		client := g.dial()
		client.ask("POST /api HTTP/1.1", "Content-Length: 2")
		client.send("hi")
		client.head()
		client.Close()
		if o := g.outcome(); o.End != gateway.ClientGone {
			t.Errorf("ended as %s (%v), want client_gone", o.End, o.Cause)
		}
	})
}
