package server

import (
	"io"
	"strings"
	"testing"

	"ai-gw-lite/internal/gateway"
)

func TestInterimAnswersReachHTTP11(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </x>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"+okAnswer).base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.1")
		for _, want := range []string{"HTTP/1.1 102 Processing", "HTTP/1.1 103 Early Hints\r\nLink: </x>"} {
			if h := c.head(); h != want {
				t.Errorf("got %q, want %q", h, want)
			}
		}
		c.answer("GET").ok(t)
	})
}

func TestInterimAnswerIsNotHeldBack(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 103 Early Hints\r\n\r\n")
			<-goOn
			c.send(okAnswer)
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.1")
		c.head()
		close(goOn)
		c.answer("GET").ok(t)
	})
}

func TestInterimAnswersDoNotReachHTTP10(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+okAnswer).base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.0")
		c.answer("GET").ok(t)
	})
}

func TestInterimAnswersDoNotDisturbHTTP2(t *testing.T) {
	over(t, http2Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+okAnswer).base()))
		g.get("/api").ok(t)
	})
}

func TestAnswersWithoutABodyHaveNone(t *testing.T) {
	for _, row := range []struct {
		name, method, answer string
		status               int
		length               string
	}{
		{"HEAD by length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", 200, "1234"},
		{"HEAD chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, ""},
		{"HEAD until close", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, ""},
		{"HEAD of an error", "HEAD", "HTTP/1.1 404 Gone\r\nContent-Length: 9\r\n\r\n", 404, "9"},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
		{"204 with a length", "DELETE", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, ""},
		{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 55\r\n\r\n", 304, "55"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				g := start(t, via, newConfig(answering(t, row.answer).base()))
				for range 2 { // on the same connection: nothing is left over
					a := g.do(g.request(row.method, "/api", nil))
					if via.http2 && row.status == 304 {
						a.err = nil // Go's client misses the body that a 304 never has
					}
					if a.status != row.status || a.body != "" || a.err != nil || a.header.Get("Content-Length") != row.length {
						t.Errorf("got %d %q (%v), Content-Length %q, want %d and %q", a.status, a.body, a.err, a.header.Get("Content-Length"), row.status, row.length)
					}
					if o := g.outcome(); o.End != gateway.Complete || o.Cause != nil {
						t.Errorf("the exchange ended as %s (%v), want a whole one", o.End, o.Cause)
					}
				}
			})
		})
	}
}

// Not a byte comes between a head without a body and the next head: a client
// would take it for the beginning of that.
func TestNothingFollowsAHeadWithoutABody(t *testing.T) {
	for _, row := range []struct{ method, answer, want string }{
		{"GET", "HTTP/1.1 304 Not Modified\r\nETag: x", "HTTP/1.1 304 Not Modified\r\nETag: x"},
		{"GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked", "HTTP/1.1 304 Not Modified"},
		{"GET", "HTTP/1.1 204 No Content", "HTTP/1.1 204 No Content"},
		{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "HTTP/1.1 200 OK"},
		{"HEAD", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"},
	} {
		t.Run(row.method+" "+row.answer[9:], func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				g := start(t, via, newConfig(answering(t, row.answer+"\r\n\r\n").base()))
				c := g.dial()
				c.ask(row.method + " /api HTTP/1.1")
				first := c.head()
				c.ask(row.method+" /api HTTP/1.1", "Connection: close")
				if second := c.head(); first != row.want || second != row.want+"\r\nConnection: close" {
					t.Errorf("got %q and %q", first, second)
				}
				c.closed()
			})
		})
	}
}

func TestBodyAfterANoContentIsNotRelayed(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.target == "/first" {
				c.send("HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison")
				return
			}
			c.send(okAnswer)
		})
		g := start(t, via, newConfig(u.base()))
		if a := g.get("/api/first"); a.status != 204 || a.body != "" {
			t.Errorf("got %d %q", a.status, a.body)
		}
		g.outcome()
		if a := g.get("/api/second"); a.body != `{"ok":true}` {
			t.Errorf("the next answer is %q", a.body)
		}
	})
}

func TestBodyUntilCloseGoesOutChunked(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end")
			c.hangUp()
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		for range 2 { // the client's connection goes on
			c.ask("GET /api HTTP/1.1")
			if a := c.answer("GET"); a.body != "to the end" || a.err != nil || a.header.Get("Transfer-Encoding") != "chunked" || a.header.Get("Connection") != "" {
				t.Errorf("got %q (%v) %v", a.body, a.err, a.header)
			}
		}
	})
}

func TestHTTP10UpstreamIsUnderstood(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.0 200 OK\r\n\r\nold")
			c.hangUp()
		})
		g := start(t, via, newConfig(u.base()))
		if a := g.get("/api"); a.status != 200 || a.body != "old" || a.err != nil {
			t.Errorf("got %d %q %v", a.status, a.body, a.err)
		}
	})
}

func TestTrailersOfAnAnswerAreDropped(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=1\r\n\r\n")
		g := start(t, via, newConfig(u.base()))
		res := g.open(g.request("GET", "/api", nil))
		b, err := io.ReadAll(res.Body)
		if string(b) != "hi" || err != nil || len(res.Trailer) != 0 || res.Header.Get("Set-Cookie") != "" {
			t.Errorf("got %q, %v, trailers %v", b, err, res.Trailer)
		}
	})
}

func TestHTTP10ClientIsAnsweredAndItsConnectionEnds(t *testing.T) {
	for _, row := range []struct{ name, answer string }{
		{"by length", okAnswer},
		{"chunked", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ok\"\r\n6\r\n:true}\r\n0\r\n\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				u := answering(t, row.answer)
				g := start(t, via, newConfig(u.base()))
				c := g.dial()
				c.send("GET /api HTTP/1.0\r\nAuthorization: Bearer " + token + "\r\n\r\n")
				head := c.head()
				if !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") || strings.Contains(head, "chunked") || !strings.Contains(head, "Connection: close") {
					t.Errorf("got %q", head)
				}
				if body, err := c.rest(); body != `{"ok":true}` || err != nil {
					t.Errorf("got %q, %v", body, err)
				}
				if got := u.only().get("Host"); "http://"+got != u.base() {
					t.Errorf("Host went upstream as %q", got)
				}
			})
		})
	}
}

func TestHTTP10KeepAliveIsHonoured(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		c := g.dial()
		for range 2 {
			c.ask("GET /api HTTP/1.0", "Connection: keep-alive")
			head := c.head()
			if !strings.Contains(head, "\r\nConnection: keep-alive") {
				t.Fatalf("got %q", head)
			}
			io.CopyN(io.Discard, c.r, int64(len(`{"ok":true}`)))
		}
	})
}

// HTTP/1.0 knows no other end of such a body than the connection's: only a
// reset tells a broken one from a whole one.
func TestBrokenBodyOfAnHTTP10ClientEndsInAReset(t *testing.T) {
	over(t, []transport{inClear}, func(t *testing.T, via transport) {
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			<-goOn
			c.hangUp()
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.0")
		c.head()
		io.CopyN(io.Discard, c.r, 5)
		close(goOn)
		if rest, err := c.rest(); err == nil {
			t.Errorf("the truncated body ended cleanly after %q", rest)
		}
	})
}

func TestBrokenBodyOfAnHTTP10ClientEndsWithoutAnAlertOverTLS(t *testing.T) {
	over(t, []transport{overTLS}, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			c.hangUp()
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.0")
		if rest, err := c.rest(); err == nil {
			t.Errorf("the truncated body ended cleanly: %q", rest)
		}
	})
}

// However an upstream breaks off after its head, the client must not take what
// it has for the whole.
func TestTruncatedBodyNeverLooksComplete(t *testing.T) {
	for _, row := range []struct {
		name, sent string
		reset      bool
	}{
		{"length, closed", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", false},
		{"length, reset", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", true},
		{"length, nothing sent", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", false},
		{"chunks, closed between", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false},
		{"chunks, closed within", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello", false},
		{"chunks, closed in a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1", false},
		{"chunks, closed before the last line", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", false},
		{"chunks, reset", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true},
		{"chunks, then garbage", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n", false},
		{"chunk size is garbage", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n", false},
		{"events, closed", eventHead + "6\r\ndata:1\r\n", false},
		{"until close, reset", "HTTP/1.1 200 OK\r\n\r\nhello", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				goOn := make(chan struct{})
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.send(row.sent)
					if <-goOn; row.reset {
						c.reset()
					} else {
						c.hangUp()
					}
				})
				g := start(t, via, newConfig(u.base()))
				close(goOn)
				a, err := g.try(g.request("GET", "/api", nil))
				if err == nil && a.status == 200 && a.err == nil {
					t.Errorf("the truncated body looks complete: %q", a.body)
				}
				if o := g.outcome(); o.End != "upstream_broken" {
					t.Errorf("it is accounted as %s", o.End)
				}
			})
		})
	}
}

func TestWhatCameBeforeTheBreakIsRelayed(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			c.sendChunk("data: first\n\n")
			<-goOn
			c.reset()
		})
		g := start(t, via, newConfig(u.base()))
		res := g.open(g.request("GET", "/api", nil))
		first := make([]byte, len("data: first\n\n"))
		if _, err := io.ReadFull(res.Body, first); err != nil {
			t.Fatal(err)
		}
		close(goOn)
		if rest, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("the broken stream ended cleanly after %q", rest)
		}
	})
}
