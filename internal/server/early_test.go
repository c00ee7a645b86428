package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// A connection that is closed, or on which something comes, before anything was
// sent on it has failed like any other: to open one after the other would spin.
func TestFreshConnectionThatEndsAtOnceIsNotOpenedAgain(t *testing.T) {
	over(t, anyWouldDo, func(t *testing.T, via transport) {
		var dials atomic.Int32
		proxy := listen(t, func(c net.Conn) {
			dials.Add(1)
			io.ReadFull(c, make([]byte, 3))
			c.Write([]byte{5, 0})
			io.ReadFull(c, make([]byte, 10))
			c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
		})
		c := newConfig("http://127.0.0.1:9")
		c.Routes[0].Upstreams[0].RequestTimeout = time.Second
		c.Routes[0].Upstreams[0].Proxy = &config.Proxy{Protocol: "socks", Address: proxy}
		g := start(t, via, c)
		for _, method := range []string{"GET", "POST"} {
			dials.Store(0)
			g.do(g.request(method, "/api", nil)).refusal(t, 502, "upstream_request_failed")
			if n := dials.Load(); n != 1 {
				t.Errorf("%s: the upstream was dialled %d times, want once", method, n)
			}
		}
	})
}

// An upstream may answer and read no more of the request: the answer does not
// wait for an upload that is stuck.
func TestAnswerDoesNotWaitForAnUploadThatIsStuck(t *testing.T) {
	for _, attempts := range []int{1, 2} {
		over(t, transports, func(t *testing.T, via transport) {
			done := make(chan struct{})
			u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
				waitFor(quietTime) // the upload fills what is between us
				c.send(answerOf(429, "slow down"))
				<-done
				c.hangUp()
			})
			c := newConfig(u.base())
			c.Routes[0].Retry = config.Retry{MaxAttempts: attempts, On: []string{"429"}, MaxReplayBody: 1 << 20}
			g := start(t, via, c)
			req := g.request("POST", "/api", io.LimitReader(new(countedZeros), 64<<20))
			began := time.Now()
			res := g.open(req)
			if res.StatusCode != 429 {
				t.Errorf("got %d, want the upstream's 429", res.StatusCode)
			}
			if took := time.Since(began); took > promptly {
				t.Errorf("the answer came after %v", took)
			}
			close(done)
		})
	}
}

// What comes of a body while a stale connection is given up and another one is
// opened goes out with the rest.
func TestUploadDuringTheDialAfterAStaleConnectionArrivesWhole(t *testing.T) {
	for _, attempts := range []int{1, 2} {
		over(t, http1Alone, func(t *testing.T, via transport) {
			u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
				c.readBody(r)
				c.send(okAnswer)
				if r.method == "GET" {
					c.hangUp()
				}
			})
			gate := make(chan struct{}, 1)
			gate <- struct{}{}
			proxy := listen(t, func(c net.Conn) {
				<-gate
				forwardSOCKS(c, u.listener.Addr().String())
			})
			cfg := newConfig("http://" + u.listener.Addr().String())
			cfg.Routes[0].Upstreams[0].Proxy = &config.Proxy{Protocol: "socks", Address: proxy}
			cfg.Routes[0].Retry = config.Retry{MaxAttempts: attempts, MaxReplayBody: 1 << 20}
			g := start(t, via, cfg)
			g.get("/api").ok(t)
			waitFor(50 * time.Millisecond) // the close arrives
			c := g.dial()
			c.ask("POST /api HTTP/1.1", "Content-Length: 15")
			c.send("first")
			waitFor(100 * time.Millisecond)
			c.send("second")
			waitFor(50 * time.Millisecond)
			gate <- struct{}{}
			waitFor(50 * time.Millisecond)
			c.send("last")
			c.answer("POST").ok(t)
			if got := u.requests()[1].body; got != "firstsecondlast" {
				t.Errorf("the upstream got %q", got)
			}
		})
	}
}

// forwardSOCKS is a SOCKS5 proxy for one connection to addr.
func forwardSOCKS(c net.Conn, addr string) {
	io.ReadFull(c, make([]byte, 3))
	c.Write([]byte{5, 0})
	io.ReadFull(c, make([]byte, 10))
	to, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer to.Close()
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	go func() { io.Copy(to, c); to.(*net.TCPConn).CloseWrite() }()
	io.Copy(c, to)
}

// A first byte that is late is no silence of a connection that had been idle.
func TestLateFirstByteIsNotWaitedForTwice(t *testing.T) {
	over(t, anyWouldDo, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if strings.HasSuffix(r.target, "slow") {
				c.awaitGatewayGone()
				return
			}
			c.send(okAnswer)
		})
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].FirstByteTimeout = 100 * time.Millisecond
		g := start(t, via, c)
		g.get("/api").ok(t)
		g.get("/api/slow").refusal(t, 504, "upstream_timeout")
		if n := len(u.requests()); n != 2 {
			t.Errorf("the upstream got %d requests, want each of the 2 once", n)
		}
	})
}

// A body may outgrow its tape while another attempt waits: what has no place on it
// waits too, and the other attempt gets the whole body, without a gap.
func TestBodyThatOutgrowsItsTapeWhileAnAttemptWaitsIsNotSentWithAGap(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		answered := make(chan struct{}, 1)
		first := true
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if first {
				first = false
				c.send(answerOf(503, "busy"))
				answered <- struct{}{}
				c.awaitGatewayGone()
				return
			}
			if err := c.readBody(r); err != nil {
				t.Errorf("the second attempt's body: %v", err)
			}
			c.send(answerOf(200, fmt.Sprint(len(r.body))))
		})
		c := newConfig(u.base())
		c.Routes[0].Retry = config.Retry{MaxAttempts: 2, On: []string{"503"}, MaxReplayBody: 1 << 10, Backoff: config.Backoff{Initial: 2 * quietTime, Max: 2 * quietTime}}
		g := start(t, via, c)
		body := newPipe(t)
		go func() {
			body.write("first")
			<-answered
			waitFor(quietTime) // the answer is held, and the other attempt waits
			body.write(strings.Repeat("x", 4<<10))
			body.end()
		}()
		a, err := g.try(g.request("POST", "/api", body))
		if err != nil || a.status != 200 || a.body != fmt.Sprint(len("first")+4<<10) {
			t.Errorf("got %+v, %v, want 200 for the whole body", a, err)
		}
	})
}

// afraid is an observer that a request's body throws off.
type afraid struct{ blind }

func (afraid) RequestBytes(p []byte) {
	if strings.Contains(string(p), "boo") {
		panic("a defect of an observer's")
	}
}
func (afraid) End(*gateway.Outcome) {}

// A request's body is sent by a goroutine of its own, and a defect there is no
// more than the end of its exchange.
func TestPanicWhileUploadingEndsItsExchangeAlone(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, oneSlot(u.base()), afraid{})
		body := newPipe(t)
		ended := make(chan gateway.Outcome, 1)
		go func() {
			body.write("first")
			within(patienceOfTests, func() bool { return len(u.requests()) > 0 })
			body.write("boo")
			ended <- g.outcome() // only then may the client leave
			body.abandon()
		}()
		if res, err := g.try(g.request("POST", "/api", body)); err == nil && res.err == nil {
			t.Errorf("got %d %q, want a break", res.status, res.body)
		}
		if o := <-ended; o.End != gateway.UpstreamBroken || o.Cause == nil || !strings.HasPrefix(o.Cause.Error(), "panic") {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
		g.ask("/api")
	})
}

func TestPanicInATunnelEndsItAlone(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := echoing(t)
		g := start(t, via, oneSlot(u.base()), afraid{})
		c := g.dial()
		c.handshake("/api", "")
		c.opened()
		c.send("boo")
		c.rest()
		if o := g.outcome(); o.Cause == nil || !strings.HasPrefix(o.Cause.Error(), "panic") {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
		g.ask("/api")
	})
}
