package server

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
)

// babbling is the address of one who takes connections, says something that no
// protocol knows, and hangs up.
func babbling(t *testing.T) string {
	t.Helper()
	return listen(t, func(c net.Conn) { io.WriteString(c, "what do you want?\r\n\r\n") })
}

func hostOf(base string) string { return strings.TrimPrefix(base, "http://") }

func TestWhatWasNotSentIsRetriedElsewhere(t *testing.T) {
	proxied := func(u *config.Upstream, base string, p config.Proxy) {
		*u = withBase(*u, base)
		u.Proxy = &p
	}
	for _, c := range []struct {
		name   string
		first  func(*testing.T, *config.Upstream)
		result string
		code   string
		status int
	}{
		{"refused", func(t *testing.T, u *config.Upstream) {
			*u = withBase(*u, closedPort(t))
		}, "connect_error", "upstream_connect_error", 502},
		{"unreachable", func(t *testing.T, u *config.Upstream) {
			*u = withBase(*u, "http://255.255.255.255:9")
		}, "connect_error", "upstream_connect_error", 502},
		{"connect timeout", func(t *testing.T, u *config.Upstream) {
			*u = withBase(*u, "https://"+silent(t))
			u.ConnectTimeout = 50 * time.Millisecond
		}, "timeout", "upstream_timeout", 504},
		{"TLS failure", func(t *testing.T, u *config.Upstream) {
			*u = withBase(*u, "https://"+babbling(t))
		}, "connect_error", "upstream_connect_error", 502},
		{"proxy refused", func(t *testing.T, u *config.Upstream) {
			proxied(u, "https://api.example", config.Proxy{Protocol: "http", Address: hostOf(closedPort(t))})
		}, "connect_error", "upstream_connect_error", 502},
		{"proxy says no", func(t *testing.T, u *config.Upstream) {
			p := newTellingProxy(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
			proxied(u, "https://api.example", config.Proxy{Protocol: "http", Address: p})
		}, "connect_error", "upstream_connect_error", 502},
		{"proxy wants a login for an http upstream", func(t *testing.T, u *config.Upstream) {
			p := answering(t, answerOf(407, ""))
			proxied(u, "http://api.example", config.Proxy{Protocol: "http", Address: hostOf(p.base())})
		}, "connect_error", "upstream_connect_error", 502},
		{"SOCKS babbles", func(t *testing.T, u *config.Upstream) {
			proxied(u, "http://api.example", config.Proxy{Protocol: "socks", Address: babbling(t)})
		}, "connect_error", "upstream_connect_error", 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			noGoroutineIsLeft(t)
			b := answering(t, okAnswer)
			cfg := uncooled(several("http://replaced", b.base()))
			c.first(t, &cfg.Routes[0].Upstreams[0])
			g := start(t, inClear, cfg)
			g.post("/api", "hi").refusal(t, c.status, c.code)
			g.attempted("a " + c.result)

			cfg.Routes[0].Retry.MaxAttempts = 2
			g.reload(cfg)
			g.post("/api", "hi").ok(t)
			g.attempted("a " + c.result + ", b ok")
			if r := b.only(); r.body != "hi" {
				t.Errorf("the second upstream got the body %q", r.body)
			}

			cfg.Routes[0].Retry.On = []string{"429"}
			g.reload(cfg)
			g.post("/api", "hi").refusal(t, c.status, c.code)
		})
	}
}

// withBase is the upstream at another base URL.
func withBase(u config.Upstream, base string) config.Upstream {
	u.BaseURL = newRoute("", "", base).Upstreams[0].BaseURL
	if !strings.Contains(u.BaseURL.Address, ":") {
		u.BaseURL.Address += map[string]string{"http": ":80", "https": ":443"}[u.BaseURL.Scheme]
	}
	return u
}

// newTellingProxy answers every CONNECT with the same bytes.
func newTellingProxy(t *testing.T, says string) string {
	return hostOf(newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.send(says) }).base())
}

func TestRefusedIsRetriedElsewhereIfListed(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		for _, status := range []int{429, 503, 529, 500, 502, 504, 408, 401, 400} {
			listed := status == 429 || status == 503 || status == 529
			a, b := answering(t, answerOf(status, "no")), answering(t, okAnswer)
			c := uncooled(retrying(a.base(), b.base()))
			g := start(t, via, c)
			switch got := g.post("/api", "hi"); {
			case listed && (got.status != 200 || b.only().body != "hi"):
				t.Errorf("%d: got %d, want the second upstream's 200", status, got.status)
			case !listed && (got.status != status || got.body != "no" || len(b.requests()) != 0):
				t.Errorf("%d: got %d %q after %d requests elsewhere, want it as it came", status, got.status, got.body, len(b.requests()))
			}
			if a.only().body != "hi" {
				t.Errorf("%d: the first upstream got the body %q", status, a.only().body)
			}
			c.Routes[0].Retry.On = []string{"500"}
			g.reload(c)
			if got := g.post("/api", "hi").status; (got == 200) != (status == 500) {
				t.Errorf("%d with only 500 listed: got %d", status, got)
			}
		}
	})
}

// uncertainties are the ways in which an upstream leaves open whether a request
// has run.
var uncertainties = []struct {
	name   string
	script func(*upstreamConn, *upstreamRequest)
	result string
	status int
}{
	{"reset", func(c *upstreamConn, r *upstreamRequest) { c.readBody(r); c.reset() }, "broken", 502},
	{"closed", func(c *upstreamConn, r *upstreamRequest) { c.readBody(r); c.hangUp() }, "broken", 502},
	{"closed before the body", func(c *upstreamConn, r *upstreamRequest) { c.hangUp() }, "broken", 502},
	{"closed within the head", func(c *upstreamConn, r *upstreamRequest) {
		c.readBody(r)
		c.send("HTTP/1.1 200 OK\r\nContent-")
		c.hangUp()
	}, "broken", 502},
	{"no HTTP", func(c *upstreamConn, r *upstreamRequest) { c.readBody(r); c.send("what?\r\n\r\n"); c.hangUp() }, "broken", 502},
	{"first byte timeout", func(c *upstreamConn, r *upstreamRequest) { c.readBody(r); c.awaitGatewayGone() }, "timeout", 504},
}

func uncertain(t *testing.T, i int, more ...func(*config.Config)) (a, b *scriptedUpstream, c *config.Config) {
	a, b = newUpstream(t, uncertainties[i].script), answering(t, okAnswer)
	c = uncooled(retrying(a.base(), b.base()))
	c.Routes[0].Retry.MaxAttempts = 5
	if uncertainties[i].result == "timeout" {
		c.Routes[0].Upstreams[0].FirstByteTimeout = 50 * time.Millisecond
	}
	for _, change := range more {
		change(c)
	}
	return a, b, c
}

func TestWhatMayHaveRunIsNeverSentTwice(t *testing.T) {
	for i, u := range uncertainties {
		t.Run(u.name, func(t *testing.T) {
			for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "GET with a body"} {
				over(t, clearOrHTTP2, func(t *testing.T, via transport) {
					a, b, c := uncertain(t, i)
					g := start(t, via, c)
					name, hasBody, _ := strings.Cut(method, " ")
					req := g.request(name, "/api", nil)
					if hasBody != "" || name == "POST" {
						req = g.request(name, "/api", strings.NewReader("hi"))
					}
					if got := g.do(req); got.status != u.status {
						t.Errorf("got %d, want %d", got.status, u.status)
					}
					g.attempted("a " + u.result)
					if n, m := len(a.requests()), len(b.requests()); n != 1 || m != 0 {
						t.Errorf("%s was sent %d times and then %d times elsewhere, want once", method, n, m)
					}
				})
			}
		})
	}
}

func TestReadingWithoutABodyIsNeverUncertain(t *testing.T) {
	for i, u := range uncertainties {
		t.Run(u.name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD"} {
				over(t, clearOrHTTP2, func(t *testing.T, via transport) {
					_, b, c := uncertain(t, i)
					g := start(t, via, c)
					g.do(g.request(method, "/api", nil)).ok(t)
					g.attempted("a " + u.result + ", b ok")
					b.only()
				})
			}
		})
	}
}

// Some clients say of a GET without a body how long that is.
func TestReadingWithABodyOfNothingIsNeverUncertain(t *testing.T) {
	for i, u := range uncertainties {
		t.Run(u.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				_, b, c := uncertain(t, i)
				g := start(t, via, c)
				client := g.dial()
				client.ask("GET /api HTTP/1.1", "Content-Length: 0")
				client.answer("GET").ok(t)
				if b.only().get("Content-Length") != "0" {
					t.Errorf("Content-Length became %q", b.only().get("Content-Length"))
				}
			})
		})
	}
}

func TestUncertainIsSentAgainIfThatIsAllowed(t *testing.T) {
	for i, u := range uncertainties {
		t.Run(u.name, func(t *testing.T) {
			a, b, c := uncertain(t, i, func(c *config.Config) { c.Routes[0].Retry.OnUncertain = true })
			g := start(t, inClear, c)
			g.post("/api", "hi").ok(t)
			g.attempted("a " + u.result + ", b ok")
			if a.only(); b.only().body != "hi" {
				t.Errorf("the second upstream got the body %q", b.only().body)
			}
		})
	}
}

// The upstream has half a body when it goes: nothing is certain then.
func TestBodyHalfSentIsNotSentAgain(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.r.Discard(5)
			c.reset()
		})
		b := answering(t, okAnswer)
		g := start(t, via, uncooled(retrying(a.base(), b.base())))
		body := newPipe(t)
		answered := g.begin(g.request("POST", "/api", body))
		body.write("half of it")
		got := receive(t, answered, "an answer")
		if got.err == nil {
			got.refusal(t, 502, "upstream_request_failed")
		}
		a.only()
		if n := len(b.requests()); n != 0 {
			t.Errorf("it was sent %d times elsewhere", n)
		}
	})
}

func TestNothingIsRetriedByDefault(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		for _, status := range []int{429, 529, 503} {
			a, b := answering(t, answerOf(status, `{"error":"theirs"}`, "Retry-After: 30", "X-Theirs: 1")), answering(t, okAnswer)
			g := start(t, via, several(a.base(), b.base()))
			begun := time.Now()
			got := g.post("/api", "hi")
			if got.status != status || got.body != `{"error":"theirs"}` || got.header.Get("Retry-After") != "30" || got.header.Get("X-Theirs") != "1" {
				t.Errorf("got %d %v %q, want the upstream's answer unchanged", got.status, got.header, got.body)
			}
			if took := time.Since(begun); took > promptly {
				t.Errorf("took %v", took)
			}
			if a.only(); len(b.requests()) != 0 {
				t.Error("it was sent elsewhere")
			}
		}
	})
}

func TestNothingIsRetriedAfterAByteOfTheAnswer(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning")
			c.reset()
		})
		b := answering(t, okAnswer)
		c := uncooled(retrying(a.base(), b.base()))
		c.Routes[0].Retry.OnUncertain = true
		g := start(t, via, c)
		got, err := g.try(g.request("GET", "/api", nil))
		if err == nil && got.err == nil {
			t.Errorf("got a whole %d %q of an answer that broke off", got.status, got.body)
		}
		if a.only(); len(b.requests()) != 0 {
			t.Error("it was sent elsewhere")
		}
	})
}

// Base URL and key belong to an upstream; the rest is the client's.
func TestAnotherAttemptChangesBaseURLAndKeyAlone(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a, b := answering(t, answerOf(429, "")), answering(t, okAnswer)
		c := uncooled(retrying(a.base()+"/one", b.base()+"/two/v9"))
		c.Routes[0].Upstreams[1].InjectHeaders = []config.Header{{Name: "x-api-key", Value: "other"}}
		g := start(t, via, c)
		const path = "/v1//messages/%2Fx;y?a=1&a=%20&b"
		g.post("/api"+path, `{"model":"m"}`, "X-Session: s", "X-Api-Key: of the client's", "Accept: a", "Accept: b", "User-Agent: agent/1").ok(t)
		first, second := a.only(), b.only()
		if first.target != "/one"+path || second.target != "/two/v9"+path {
			t.Errorf("the targets were %s and %s", first.target, second.target)
		}
		if first.body != second.body || second.body != `{"model":"m"}` {
			t.Errorf("the bodies were %q and %q", first.body, second.body)
		}
		if second.get("Host") != hostOf(b.base()) {
			t.Errorf("Host is %q at the second upstream", second.get("Host"))
		}
		if first.get("Authorization") != "Bearer sk-a" || first.get("X-Api-Key") != "of the client's" {
			t.Errorf("the first upstream got %q", first.lines)
		}
		if second.has("Authorization") || strings.Join(second.all("X-Api-Key"), " ") != "other" {
			t.Errorf("the second upstream got %q", second.lines)
		}
		rest := func(r *upstreamRequest) string {
			var kept []string
			for _, l := range r.lines {
				switch name, _, _ := strings.Cut(strings.ToLower(l), ":"); name {
				case "host", "authorization", "x-api-key":
				default:
					kept = append(kept, l)
				}
			}
			if via.http2 {
				return "" // in no order of the client's
			}
			return strings.Join(kept, "\n")
		}
		if rest(first) != rest(second) {
			t.Errorf("the first upstream got\n%s\nthe second\n%s", rest(first), rest(second))
		}
		if got := strings.Join(second.all("Accept"), " "); got != "a b" {
			t.Errorf("Accept is %q at the second upstream", got)
		}
	})
}

// An interim answer is a part of this upstream's: what the client has seen of
// one must not be followed by another's. A 100 says no more than that the body
// may come, which holds for whoever gets it.
func TestNothingIsRetriedAfterAnInterimAnswerWasSeen(t *testing.T) {
	for _, c := range []struct{ interim, keys, last string }{
		{"103 Early Hints", "a", "429"},
		{"100 Continue", "a b", "200"},
	} {
		t.Run(c.interim, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				u := newUpstream(t, func(uc *upstreamConn, r *upstreamRequest) {
					uc.readBody(r)
					if keyOf(r) == "b" {
						uc.send(okAnswer)
						return
					}
					uc.send("HTTP/1.1 " + c.interim + "\r\nLink: </a>\r\n\r\n")
					uc.send(answerOf(429, "slow down"))
				})
				g := start(t, via, uncooled(retrying(u.base(), u.base())))
				client := g.dial()
				client.ask("POST /api HTTP/1.1", "Content-Length: 2")
				client.send("hi")
				if h := client.head(); !strings.HasPrefix(h, "HTTP/1.1 "+c.interim) {
					t.Fatalf("got %q first", h)
				}
				if h := client.head(); !strings.HasPrefix(h, "HTTP/1.1 "+c.last) {
					t.Errorf("got %q, want %s", h, c.last)
				}
				if got := u.keysOf(); got != c.keys {
					t.Errorf("the keys %q were used, want %q", got, c.keys)
				}
			})
		})
	}
}
