package server

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

func TestMalformedUploadAfterTheAnswerBeganIsTheClientsFault(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.target == "/ok" {
				c.send(okAnswer)
				return
			}
			c.send(eventHead + chunk("data: 1\n\n"))
			c.awaitClosed()
		})
		g := start(t, via, oneSlot(u.base()))
		c := g.dial()
		c.ask("POST /api HTTP/1.1", "Transfer-Encoding: chunked")
		c.head()
		c.send("zz\r\n")
		c.rest()
		if o := g.outcome(); o.End != gateway.ClientGone || o.Status != 200 {
			t.Errorf("it is accounted as %d %s (%v), want the client's fault", o.Status, o.End, o.Cause)
		}
		g.ask("/api/ok")
	})
}

// A body that HTTP does not allow, come with its head, is refused before any
// upstream is asked: none is named, and nothing is held or counted.
func TestMalformedBodyBehindItsHeadReachesAndNamesNoUpstream(t *testing.T) {
	withinAMinute(t, func(t *testing.T, via transport) func() {
		if via.http2 {
			return func() {} // frames have no such fault
		}
		u := answering(t, okAnswer)
		cfg := oneSlot(u.base())
		cfg.RateLimit.PerMinute = 1
		g := start(t, via, cfg)
		c := g.dial()
		c.send("POST /api HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + token + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		a, o := c.answer("POST"), g.outcome()
		next := g.get("/api")
		return func() {
			if a.status != 400 || a.body != "" || a.header.Get("Connection") != "close" {
				t.Errorf("got %d %v %q, want a bare 400", a.status, a.header, a.body)
			}
			if o.Upstream != "" || o.Key != "" || len(o.Attempts) != 0 || o.End != gateway.Refused {
				t.Errorf("it is accounted as %s of %q after %q", o.End, o.Upstream, results(o))
			}
			next.ok(t)
		}
	})
}

// A body that turns out to be none when a part of it is upstream holds nothing
// any more. Its place in the minute stays taken: the upstream was asked.
func TestMalformedUploadUnderWayGivesItsSlotsBack(t *testing.T) {
	withinAMinute(t, func(t *testing.T, via transport) func() {
		begun, got := make(chan struct{}), make(chan error, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.target == "/ok" {
				c.send(okAnswer)
				return
			}
			close(begun)
			got <- c.readBody(r)
			c.hangUp()
		})
		cfg := oneSlot(u.base())
		cfg.RateLimit.PerMinute = 2
		g := start(t, via, cfg)
		end := ""
		if via.http2 {
			h := g.dialHTTP2()
			h.headers(1, false, ask2("POST", "/api", "authorization: Bearer "+token, "content-length: 5")...)
			h.frame(frameData, 0, 1, "he")
			<-begun
			h.frame(frameData, flagEndStream, 1, "ll")
			end = h.end(1)
		} else {
			c := g.dial()
			c.ask("POST /api HTTP/1.1", "Transfer-Encoding: chunked")
			c.send("2\r\nhe\r\n")
			<-begun
			c.send("zz\r\n")
			end = c.head()
		}
		o, broke := g.outcome(), <-got
		second, third := g.get("/api/ok"), g.get("/api/ok")
		return func() {
			if !strings.HasPrefix(end, "reset") && end != "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close" {
				t.Errorf("it ended with %q, want a reset or a bare 400", end)
			}
			if broke == nil {
				t.Errorf("the upstream got a whole body; it is accounted as %s", o.End)
			}
			second.ok(t)
			third.refusal(t, 429, "rate_limited")
		}
	})
}

// A client that is gone when an interim answer comes is read on for like one
// that goes later.
func TestAnswerIsReadOnForAClientThatDoesNotTakeAnInterimAnswer(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		asked, gone := make(chan struct{}), make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			close(asked)
			<-gone
			for range 100 {
				c.send("HTTP/1.1 103 Early Hints\r\nLink: </" + strings.Repeat("x", 1000) + ">\r\n\r\n")
			}
			c.send(okAnswer)
		})
		cfg := oneSlot(u.base())
		cfg.Routes[0].Stream = config.Stream{DrainOnDisconnect: true, DrainMax: time.Minute}
		g := start(t, via, cfg)
		c := g.dial()
		c.ask("POST /api HTTP/1.1", "Content-Length: 2")
		c.send("hi")
		<-asked
		c.reset()
		close(gone)
		o := g.outcome()
		if o.End != gateway.ClientGone || o.BytesOut != 11 {
			t.Errorf("it is accounted as %s with %d bytes (%v), want the client's leave and the whole answer", o.End, o.BytesOut, o.Cause)
		}
	})
}

// Else an upstream that has much to say before its answer, and a client that
// takes none of it, would hold their slots past the budget.
func TestInterimAnswerThatIsNotTakenDoesNotOutlastTheExchange(t *testing.T) {
	for _, row := range []struct {
		name  string
		limit func(*config.Upstream)
		leave func(*rawClient)
	}{
		{"budget", func(u *config.Upstream) { u.RequestTimeout = time.Second }, func(*rawClient) {}},
		{"half a close", func(*config.Upstream) {}, func(c *rawClient) { c.Conn.(interface{ CloseWrite() error }).CloseWrite() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				full := make(chan struct{})
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					early := "HTTP/1.1 103 Early Hints\r\nLink: </" + strings.Repeat("x", 100<<10) + ">\r\n\r\n"
					for !c.stalled([]byte(early)) {
					}
					close(full)
					c.awaitClosed()
				})
				cfg := newConfig(u.base())
				row.limit(&cfg.Routes[0].Upstreams[0])
				g := start(t, via, cfg)
				c := g.dial()
				c.ask("GET /api HTTP/1.1")
				<-full
				row.leave(c)
				g.outcome()
			})
		})
	}
}

// The budget may well run out while an interim answer is on its way.
func TestClientThatTakesInterimAnswersIsToldOfATimeout(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			early := "HTTP/1.1 103 Early Hints\r\nLink: </" + strings.Repeat("x", 100<<10) + ">\r\n\r\n"
			for {
				if _, err := io.WriteString(c, early); err != nil {
					return
				}
			}
		})
		cfg := newConfig(u.base())
		cfg.Routes[0].Upstreams[0].RequestTimeout = 300 * time.Millisecond
		c := start(t, via, cfg).dial()
		c.ask("GET /api HTTP/1.1")
		h := c.head()
		for strings.HasPrefix(h, "HTTP/1.1 103 ") {
			h = c.head()
		}
		if !strings.HasPrefix(h, "HTTP/1.1 504 ") {
			t.Errorf("the last head is %q", h)
		}
	})
}

// What a client pipelines is read for a while and then left to wait, but its
// leave is noticed all the same.
func TestClientThatPipelinesMuchAndLeavesIsNoticed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what lies behind unread bytes does not show here")
	}
	for name, leave := range map[string]func(*rawClient){"closes": func(c *rawClient) { c.Close() }, "resets": (*rawClient).reset} {
		t.Run(name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.send(eventHead)
					c.awaitClosed()
				})
				g := start(t, via, newConfig(u.base()))
				c := g.dial()
				c.ask("GET /api HTTP/1.1")
				c.head()
				c.send(strings.Repeat("GET /api HTTP/1.1\r\nHost: gateway\r\n\r\n", 1000))
				leave(c)
				if o := g.outcome(); o.End != gateway.ClientGone {
					t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
				}
				if n := len(u.requests()); n != 1 {
					t.Errorf("%d requests went upstream", n)
				}
			})
		})
	}
}

// While the upstream takes nothing the client is not read, so that only the
// socket tells of its reset. No budget ends a tunnel.
func TestResetIsNoticedWhileTheUpstreamTakesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a reset shows when the client is read on")
	}
	for _, row := range []struct {
		name, answer string
		open         func(*rawClient)
	}{
		{"an upload", eventHead, func(c *rawClient) { c.ask("POST /api HTTP/1.1", "Content-Length: 1200000000"); c.head() }},
		{"a tunnel", wsOpen, func(c *rawClient) { c.handshake("/api", ""); c.opened() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				ended := make(chan struct{})
				defer close(ended)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.ended = true
					c.send(row.answer)
					<-ended
				})
				g := start(t, via, newConfig(u.base()))
				c := g.dial()
				row.open(c)
				c.fill()
				c.reset()
				if o := g.outcome(); o.End != gateway.ClientGone {
					t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
				}
			})
		})
	}
}

// A client that has said its last word in a tunnel has not left: it may wait for
// what it said to arrive. Elsewhere it has nothing more to wait for.
func TestLastWordInATunnelIsNoLeave(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("neither shows unless it is read")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, accepted := connect(t, ln)
	h := newHTTP1(nil, accepted)
	io.WriteString(client, "the last word")
	client.CloseWrite()
	if !h.conn.AwaitClose() || !h.HasLeft() {
		t.Error("a client that has closed its side is not noticed")
	}
	h.Tunnel()
	if h.HasLeft() {
		t.Error("it has left its tunnel")
	}
	client.SetLinger(0)
	client.Close()
	for end := time.Now().Add(patienceOfTests); !h.HasLeft(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("a reset of the tunnel is not noticed")
		}
	}
}

// fill sends until nothing more is taken.
func (c *rawClient) fill() {
	for c.SetWriteDeadline(time.Now().Add(quietTime)) == nil {
		if _, err := c.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
}

// Of a body only so much is read while there is nobody to pass it to, so that
// the client's close may lie behind bytes that wait.
func TestCloseBehindAnUploadThatWaitsIsNoticed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what lies behind unread bytes does not show here")
	}
	over(t, http1Alone, func(t *testing.T, via transport) {
		c, _, closed := dialsInVain(t)
		g := start(t, via, c)
		conn := g.dial()
		conn.ask("POST /api HTTP/1.1", "Content-Length: 120000")
		conn.send(strings.Repeat("x", 120000)) // far more than is gathered, and no more than the socket takes
		conn.Close()
		<-closed
		if o := g.outcome(); o.End != gateway.ClientGone {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
	})
}

// What a slow reader takes is no silence of the stream's.
func TestStreamWithASlowReaderIsNotSilent(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		const idle = 600 * time.Millisecond
		down := string(randomBytes(24 << 20)) // more than all buffers on the way hold
		answer := eventHead + chunk(down) + lastChunk
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(answer)
		})
		cfg := newConfig(u.base())
		cfg.Routes[0].Upstreams[0].StreamIdleTimeout = idle
		g := start(t, via, cfg)
		res := g.open(g.request("GET", "/api", nil))
		waitFor(2 * idle)
		got, err := io.ReadAll(res.Body)
		if err != nil || string(got) != down {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if o := g.outcome(); o.End != gateway.Complete {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
	})
}

// The upstream that falls silent behind a slow reader is cut off like another.
func TestSilenceIsCountedFromTheEndOfASlowRead(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		const idle = 600 * time.Millisecond
		answer := eventHead + chunk(string(randomBytes(24<<20)))
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(answer)
			c.awaitClosed()
		})
		cfg := newConfig(u.base())
		cfg.Routes[0].Upstreams[0].StreamIdleTimeout = idle
		g := start(t, via, cfg)
		res := g.open(g.request("GET", "/api", nil))
		waitFor(2 * idle)
		if n, err := io.Copy(io.Discard, res.Body); err == nil || n != 24<<20 {
			t.Errorf("%d bytes came, then %v; want all of them, then a break", n, err)
		}
		if o := g.outcome(); o.End != gateway.Idle {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
	})
}

// Nobody but the drain's end tells an exchange whose client has left already.
func TestAnswerThatIsReadOnIsAccountedAtTheEndOfADrain(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		begun, second := make(chan bool, 1), make(chan bool, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send(eventHead + chunk("data: 1\n\n"))
			<-begun
			c.send(chunk("data: 2\n\n"))
			c.awaitGatewayGone()
		})
		cfg := oneSlot(u.base())
		cfg.Routes[0].Stream = config.Stream{DrainOnDisconnect: true, DrainMax: time.Minute}
		g := start(t, via, cfg, eventsPass{begun, second})
		leave := g.leaving("POST", "/api")
		receive(t, second, "the second piece") // the head has been sent by then
		leave()
		g.stop()
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		g.server.Drain(ctx)
		select {
		case o := <-g.ended:
			if o.End != gateway.ClientGone {
				t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
			}
		default:
			t.Error("it was not accounted for when the drain was over")
		}
	})
}

// eventsPass tells when an answer's head passes, and its second event.
type eventsPass struct{ head, second chan bool }

func (eventsPass) Attempt(string, string)           {}
func (eventsPass) RequestBytes([]byte)              {}
func (p eventsPass) ResponseHead(*gateway.Response) { p.head <- true }
func (eventsPass) End(*gateway.Outcome)             {}
func (p eventsPass) ResponseBytes(b []byte) {
	if strings.Contains(string(b), "data: 2") {
		p.second <- true
	}
}
