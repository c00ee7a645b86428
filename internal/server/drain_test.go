package server

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// drain begins a drain as a signal would, and returns a channel that is closed
// once it is over.
func (g *rig) drain(grace time.Duration) chan struct{} {
	g.stop()
	over := make(chan struct{})
	go func() {
		defer close(over)
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		g.server.Drain(ctx)
	}()
	return over
}

// drained fails the test unless the drain ends promptly.
func (g *rig) drained(over chan struct{}) {
	g.t.Helper()
	select {
	case <-over:
	case <-time.After(promptly):
		g.t.Errorf("the drain was not over after %v", promptly)
	}
}

func TestDrainLetsAStreamEnd(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			c.sendChunk("data: 1\n\n")
			<-goOn
			c.sendChunk("data: 2\n\n")
			c.send(lastChunk)
		})
		g := start(t, via, newConfig(u.base()))
		res := g.open(g.request("GET", "/api", nil))
		ended := g.drain(patienceOfTests)
		waitFor(50 * time.Millisecond)
		select {
		case <-ended:
			t.Fatal("the drain did not wait for the stream")
		default:
		}
		close(goOn)
		if b, err := io.ReadAll(res.Body); string(b) != "data: 1\n\ndata: 2\n\n" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
		g.client.CloseIdleConnections()
		g.drained(ended)
	})
}

func TestDrainLetsATunnelEnd(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(echoing(t).base()))
		conn := g.dial()
		conn.handshake("/api", "")
		conn.opened()
		ended := g.drain(patienceOfTests)
		conn.send("still here")
		conn.expect("STILL HERE")
		conn.Close()
		g.drained(ended)
	})
}

func TestDrainClosesIdleConnections(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		g.ask("/api") // leaves a connection idle
		if !via.http2 {
			g.dial() // has not asked for anything yet
		}
		g.drained(g.drain(patienceOfTests))
	})
}

func TestDrainCutsHandshakesShort(t *testing.T) {
	over(t, []transport{overTLS}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		c := g.dialTCP()
		c.Write([]byte("\x16"))
		g.get("/healthz").ok(t) // c was accepted before this
		g.drained(g.drain(patienceOfTests))
	})
}

func TestAnswerDuringADrainEndsItsConnection(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		goOn, here := make(chan struct{}), make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			close(here)
			<-goOn
			c.send(okAnswer)
		})
		g := start(t, via, newConfig(u.base()))
		conn := g.dial()
		conn.ask("GET /api HTTP/1.1")
		<-here
		ended := g.drain(patienceOfTests)
		close(goOn)
		if a := conn.answer("GET"); a.status != 200 || a.header.Get("Connection") != "close" {
			t.Errorf("got %d %v", a.status, a.header)
		}
		conn.closed()
		conn.Close()
		g.drained(ended)
	})
}

// The reset that a close with unread bytes causes must not eat an answer while
// draining either.
func TestRefusalIsReadByAClientThatSendsOnDuringADrain(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		here := make(chan struct{})
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			close(here)
			<-goOn
			c.send("HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n")
			c.awaitClosed()
		})
		g := start(t, via, newConfig(u.base()))
		conn := g.dial()
		conn.ask("POST /api HTTP/1.1", "Content-Length: 100000000")
		<-here
		ended := g.drain(patienceOfTests)
		close(goOn)
		for range 64 {
			conn.send(strings.Repeat("x", 1<<16))
		}
		if a := conn.answer("POST"); a.status != 413 {
			t.Errorf("got %d", a.status)
		}
		conn.Close()
		g.drained(ended)
	})
}

func TestEndOfTheGraceBreaksOffWhatIsLeft(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			c.sendChunk("data: first\n\n")
			c.awaitClosed()
		})
		g := start(t, via, oneSlot(u.base()))
		res := g.open(g.request("GET", "/api/held", nil))
		g.drained(g.drain(100 * time.Millisecond))
		if b, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("the stream that was cut ended cleanly after %q", b)
		}
		g.outcome()
	})
}

func TestNobodyIsAcceptedDuringADrain(t *testing.T) {
	over(t, []transport{inClear}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		g.drained(g.drain(patienceOfTests))
		if c, err := net.Dial("tcp", g.addr); err == nil {
			c.Close()
			t.Error("a connection was accepted")
		}
	})
}

// A connection that was accepted just before a drain may come to be served just
// after: it must not have the drain wait for its first request.
func TestConnectionThatComesTooLateForADrainIsClosed(t *testing.T) {
	over(t, []transport{inClear}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		g.server.StartDrain()
		c := g.dial() // nobody has closed the listener yet
		c.SetDeadline(time.Now().Add(promptly))
		c.closed()
	})
}

// An answer may be out, without a word of a drain, while the body that it refused
// is still read: when that has come, the connection must not wait for another request.
func TestConnectionThatComesToRestDuringADrainIsClosed(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		c := g.dial()
		c.send("POST /nowhere HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\n")
		c.answer("POST").refusal(t, 404, "route_not_found")
		g.server.StartDrain()
		c.SetDeadline(time.Now().Add(promptly))
		c.send("0123456789")
		c.closed()
	})
}

func TestStreamsOfAnHTTP2ConnectionEndBeforeItDoes(t *testing.T) {
	over(t, http2Alone, func(t *testing.T, via transport) {
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			<-goOn
			c.sendChunk(r.target)
			c.send(lastChunk)
		})
		g := start(t, via, newConfig(u.base()))
		one := g.open(g.request("GET", "/api/1", nil))
		two := g.open(g.request("GET", "/api/2", nil))
		ended := g.drain(patienceOfTests)
		close(goOn)
		b1, err1 := io.ReadAll(one.Body)
		b2, err2 := io.ReadAll(two.Body)
		if string(b1) != "/1" || string(b2) != "/2" || err1 != nil || err2 != nil {
			t.Errorf("got %q, %v and %q, %v", b1, err1, b2, err2)
		}
		g.drained(ended)
	})
}
