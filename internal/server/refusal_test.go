package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// smuggled is a request in the body of another; marked is what it asks for.
const (
	marked   = "/api/smuggled"
	smuggled = "GET " + marked + " HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + token + "\r\n\r\n"
)

func TestBodyOfARefusalIsNeverARequest(t *testing.T) {
	body := smuggled + smuggled
	framings := []struct{ name, line, sent string }{
		{"by length", fmt.Sprintf("Content-Length: %d", len(body)), body},
		{"by length, long", fmt.Sprintf("Content-Length: %d", 100<<10), body + strings.Repeat("x", 100<<10-len(body))},
		{"by length, unfinished", fmt.Sprintf("Content-Length: %d", 1<<20), body},
		{"chunked", "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)},
		{"chunked, unfinished", "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n", len(body), body)},
		{"expecting", "Expect: 100-continue\r\nContent-Length: " + fmt.Sprint(len(body)), body},
		{"expecting, unsent", "Expect: 100-continue\r\nContent-Length: " + fmt.Sprint(len(body)), ""},
	}
	refusals := []struct{ name, head, code string }{
		{"400", "POST /api/.. HTTP/1.1\r\nHost: g\r\n", "invalid_path"},
		{"401", "POST /api HTTP/1.1\r\nHost: g\r\n", "unauthorized"},
		{"404", "POST /nowhere HTTP/1.1\r\nHost: g\r\n", "route_not_found"},
		{"429", "POST /api HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + token + "\r\n", "rate_limited"},
		{"502", "POST /down HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + otherToken + "\r\n", "upstream_connect_error"},
		{"healthz", "POST /healthz HTTP/1.1\r\nHost: g\r\n", ""},
	}
	for _, r := range refusals {
		for _, f := range framings {
			// However the body arrives: with its head, or later.
			for _, apart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/apart %v", r.name, f.name, apart), func(t *testing.T) {
					over(t, anyWouldDo, func(t *testing.T, via transport) {
						u := answering(t, okAnswer)
						c := newConfig(u.base())
						c.Routes = append(c.Routes, newRoute("down", "/down", closedPort(t)))
						c.RateLimit.PerMinute = 1
						g := start(t, via, c)
						if r.name == "429" {
							g.ask("/api")
						}
						conn := g.dial()
						conn.send(r.head + f.line + "\r\n\r\n")
						if !apart {
							conn.trySend(f.sent)
						}
						a := conn.answer("POST")
						if r.code != "" && !strings.Contains(a.body, r.code) {
							t.Fatalf("got %d %q, want %s", a.status, a.body, r.code)
						}
						if apart {
							conn.trySend(f.sent)
						}
						// A request of one's own comes next, if the connection goes on.
						conn.trySend("GET /nowhere/own HTTP/1.1\r\nHost: g\r\n\r\n")
						if next, err := http.ReadResponse(conn.r, nil); err == nil {
							if a.header.Get("Connection") == "close" {
								t.Errorf("after Connection: close came a %d", next.StatusCode)
							}
							if next.StatusCode != 404 {
								t.Errorf("the body was taken for a request: %d", next.StatusCode)
							}
						} else if a.header.Get("Connection") != "close" && !strings.Contains(f.name, "unfinished") {
							t.Errorf("the connection ended unannounced: %v", err)
						}
						for _, r := range u.requests() {
							if r.target == "/smuggled" {
								t.Error("the body reached the upstream as a request")
							}
						}
					})
				})
			}
		}
	}
}

func TestCheapBodyOfARefusalKeepsTheConnection(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		c := g.dial()
		for range 3 {
			c.send("POST /nowhere HTTP/1.1\r\nHost: g\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("x", 100))
			a := c.answer("POST")
			a.refusal(t, 404, "route_not_found")
			if a.header.Get("Connection") == "close" {
				t.Fatal("a small rest costs the connection")
			}
			c.send(strings.Repeat("x", 4900))
		}
	})
}

// How much of a refused body is read on for its connection's sake has a bound.
func TestDearBodyOfARefusalCostsTheConnection(t *testing.T) {
	for _, row := range []struct {
		name, framing string
		closes        bool
	}{
		{"as much as is cheap", fmt.Sprintf("Content-Length: %d", cheapRest+2), false},
		{"a byte more", fmt.Sprintf("Content-Length: %d", cheapRest+3), true},
		{"nobody knows how much", "Transfer-Encoding: chunked", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				g := start(t, via, newConfig(answering(t, okAnswer).base()))
				c := g.dial()
				c.send("POST /nowhere HTTP/1.1\r\nHost: g\r\n" + row.framing + "\r\n\r\n1\r")
				a := c.answer("POST")
				a.refusal(t, 404, "route_not_found")
				if closes := a.header.Get("Connection") == "close"; closes != row.closes {
					t.Errorf("it closes: %v", closes)
				}
			})
		})
	}
}

// A client that is still sending must be able to read its answer: a close with
// unread bytes would reset the connection and throw the answer away.
func TestRefusalIsReadByAClientThatSendsOn(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		c := g.dial()
		const size = 8 << 20
		c.send(fmt.Sprintf("POST /nowhere HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n", size))
		for range size >> 16 {
			c.send(strings.Repeat("x", 1<<16))
		}
		c.answer("POST").refusal(t, 404, "route_not_found")
	})
}

func TestRefusalDoesNotWaitForTheBody(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		for _, length := range []int64{-1, 100, 1 << 20} {
			req := g.request("POST", "/nowhere", newPipe(t))
			req.ContentLength = length
			if a := g.do(req); a.status != 404 {
				t.Errorf("got %d", a.status)
			}
		}
	})
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			body := r.target + r.body
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		auth := "\r\nHost: g\r\nAuthorization: Bearer " + token + "\r\n"
		c.send("GET /api/1 HTTP/1.1" + auth + "\r\n" +
			"POST /api/2 HTTP/1.1" + auth + "Content-Length: 4\r\n\r\nbody" +
			"GET /nowhere HTTP/1.1" + auth + "\r\n" +
			"POST /api/4 HTTP/1.1" + auth + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
			"\r\nGET /healthz HTTP/1.1\r\nHost: g\r\n\r\n" +
			"HEAD /api/6 HTTP/1.1" + auth + "\r\n" +
			"GET /api/7 HTTP/1.1" + auth + "Connection: close\r\n\r\n" +
			"GET /api/8 HTTP/1.1" + auth + "\r\n")
		for i, want := range []string{"/1", "/2body", `{"error":"route_not_found"}`, "/4abc", `{"status":"ok"}`, "", "/7"} {
			method := "GET"
			if want == "" {
				method = "HEAD"
			}
			if a := c.answer(method); a.body != want {
				t.Errorf("answer %d is %q, want %q", i+1, a.body, want)
			}
		}
		c.closed()
		if n := len(u.requests()); n != 5 {
			t.Errorf("the upstream got %d requests, want 5: what follows a close is not answered", n)
		}
	})
}

func TestEachRequestOnAConnectionIsAuthenticated(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		g.get("/api").ok(t)
		g.get("/api", "Authorization:").refusal(t, 401, "unauthorized")
		g.get("/api").ok(t)
	})
}

func TestExpectContinuePasses(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.get("Expect") != "100-continue" {
				t.Errorf("Expect went upstream as %q", r.get("Expect"))
			}
			c.send("HTTP/1.1 100 Continue\r\n\r\n")
			c.readBody(r)
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(r.body), r.body))
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("POST /api HTTP/1.1", "Expect: 100-continue", "Content-Length: 5")
		if h := c.head(); h != "HTTP/1.1 100 Continue" {
			t.Fatalf("got %q", h)
		}
		c.send("hello")
		if a := c.answer("POST"); a.status != 200 || a.body != "hello" {
			t.Errorf("got %d %q", a.status, a.body)
		}
	})
}

func TestExpectContinueWorks(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.has("Expect") {
				c.send("HTTP/1.1 100 Continue\r\n\r\n")
			}
			c.readBody(r)
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(r.body), r.body))
		})
		g := start(t, via, newConfig(u.base()))
		g.client.Transport.(*http.Transport).ExpectContinueTimeout = patienceOfTests
		if a := g.post("/api", "hello", "Expect: 100-continue"); a.status != 200 || a.body != "hello" {
			t.Errorf("got %d %q", a.status, a.body)
		}
	})
}

func TestRefusedExpectationNeedsNoBody(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		g.client.Transport.(*http.Transport).ExpectContinueTimeout = patienceOfTests
		body := &countedZeros{}
		req := g.request("POST", "/api", body, "Expect: 100-continue", "Authorization: Bearer wrong")
		req.ContentLength = 1 << 20
		g.do(req).refusal(t, 401, "unauthorized")
		if n := body.n.Load(); n != 0 {
			t.Errorf("the client was made to send %d bytes", n)
		}
	})
}

func TestRefusalOfTheUpstreamsReachesAnExpectingClient(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			r.bodyRead = true
			c.send("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
			c.awaitClosed()
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("POST /api HTTP/1.1", "Expect: 100-continue", "Content-Length: 5")
		if a := c.answer("POST"); a.status != 417 || a.header.Get("Connection") != "close" {
			t.Errorf("got %d %v", a.status, a.header)
		}
		c.closed()
	})
}
