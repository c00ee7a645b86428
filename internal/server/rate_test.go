package server

import (
	"strconv"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
)

// withinAMinute runs a test of the rate limit anew if the minute turned under it.
func withinAMinute(t *testing.T, test func(t *testing.T, via transport) (asserted func())) {
	over(t, transports, func(t *testing.T, via transport) {
		for {
			minute := time.Now().Unix() / 60
			assert := test(t, via)
			if time.Now().Unix()/60 == minute {
				assert()
				return
			}
		}
	})
}

func TestRateIsPerTokenAndRoute(t *testing.T) {
	withinAMinute(t, func(t *testing.T, via transport) func() {
		u := answering(t, okAnswer)
		c := newConfig(u.base())
		c.Routes = append(c.Routes, newRoute("other", "/other", u.base()))
		c.RateLimit.PerMinute = 3
		g := start(t, via, c)
		got := make(map[string]int)
		for range 5 {
			for _, target := range []string{"/api", "/other"} {
				for _, token := range []string{token, otherToken} {
					if g.get(target, "Authorization: Bearer "+token).status == 200 {
						got[target+" "+token]++
					}
				}
			}
		}
		return func() {
			for _, key := range []string{"/api " + token, "/api " + otherToken, "/other " + token, "/other " + otherToken} {
				if got[key] != 3 {
					t.Errorf("%s was served %d times, want 3", key, got[key])
				}
			}
		}
	})
}

func TestRateLimitedSaysWhenTheNextMinuteBegins(t *testing.T) {
	withinAMinute(t, func(t *testing.T, via transport) func() {
		c := newConfig(answering(t, okAnswer).base())
		c.RateLimit.PerMinute = 1
		g := start(t, via, c)
		g.get("/api")
		before := time.Now()
		a := g.get("/api")
		after := time.Now()
		return func() {
			a.refusal(t, 429, "rate_limited")
			n, err := strconv.Atoi(a.header.Get("Retry-After"))
			if err != nil || n < 60-after.UTC().Second() || n > 60-before.UTC().Second() {
				t.Errorf("Retry-After is %q at %v", a.header.Get("Retry-After"), after)
			}
		}
	})
}

func TestRefusedBeforeTheLimitTakesNoPlace(t *testing.T) {
	withinAMinute(t, func(t *testing.T, via transport) func() {
		c := newConfig(answering(t, okAnswer).base())
		c.RateLimit.PerMinute = 1
		g := start(t, via, c)
		for range 3 {
			g.get("/api", "Authorization:")
			g.get("/nowhere")
			g.get("/api/..")
			g.get("/healthz")
		}
		first, second := g.get("/api"), g.get("/api")
		return func() {
			first.ok(t)
			second.refusal(t, 429, "rate_limited")
		}
	})
}

func TestPlaceIsGivenBackWhenALaterStepRefuses(t *testing.T) {
	for _, row := range []struct {
		name, code string
		cap        func(*config.Config)
	}{
		{"downstream cap", "downstream_concurrency_exceeded", func(c *config.Config) { c.Concurrency.DownstreamMaxInflight = 1 }},
		{"upstream cap", "upstream_concurrency_exceeded", func(c *config.Config) { c.Concurrency.UpstreamPerKeyMaxInflight = 1 }},
	} {
		t.Run(row.name, func(t *testing.T) {
			withinAMinute(t, func(t *testing.T, via transport) func() {
				goOn := make(chan struct{})
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if r.target == "/held" {
						c.send(eventHead)
						<-goOn
						c.send(lastChunk)
						return
					}
					c.send(okAnswer)
				})
				c := newConfig(u.base())
				c.RateLimit.PerMinute = 2
				row.cap(c)
				g := start(t, via, c)
				held := g.open(g.request("GET", "/api/held", nil)) // one of two
				var refused []*answer
				for range 5 {
					refused = append(refused, g.get("/api"))
					g.outcome()
				}
				close(goOn)
				held.Body.Close()
				g.outcome()
				second, third := g.get("/api"), g.get("/api")
				return func() {
					for _, a := range refused {
						a.refusal(t, 503, row.code)
					}
					second.ok(t)
					third.refusal(t, 429, "rate_limited")
				}
			})
		})
	}
}

func TestForwardedRequestCountsWhateverComesOfIt(t *testing.T) {
	for name, base := range map[string]func(*testing.T) string{
		"connect error": closedPort,
		"reset": func(t *testing.T) string {
			return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.reset() }).base()
		},
		"429 of the upstream's": func(t *testing.T) string {
			return answering(t, "HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n").base()
		},
	} {
		t.Run(name, func(t *testing.T) {
			withinAMinute(t, func(t *testing.T, via transport) func() {
				c := newConfig(base(t))
				c.RateLimit.PerMinute = 2
				g := start(t, via, c)
				first, second, third := g.get("/api"), g.get("/api"), g.get("/api")
				return func() {
					if first.body == `{"error":"rate_limited"}` || second.body == `{"error":"rate_limited"}` {
						t.Errorf("refused too early: %d, %d", first.status, second.status)
					}
					third.refusal(t, 429, "rate_limited")
				}
			})
		})
	}
}

func TestKeyOfTheCapIsTheInjectedOne(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		c := newConfig(holdingOn(t, "/held").base())
		c.Concurrency.UpstreamPerKeyMaxInflight = 1
		g := start(t, via, c)
		g.open(g.request("GET", "/api/held", nil))
		g.get("/api", "X-Api-Key: a key of my own").refusal(t, 503, "upstream_concurrency_exceeded")
	})
}
