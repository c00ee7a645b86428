package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"ai-gw-lite/internal/gateway"
)

// streaming is an upstream that sends one event and then keeps the stream open
// until finish is called, or its client goes away.
func streaming(t *testing.T) (u *scriptedUpstream, finish func()) {
	t.Helper()
	end := make(chan struct{})
	u = newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.readBody(r)
		if r.target != "/stream" {
			c.send(okAnswer)
			return
		}
		c.send(eventHead)
		c.sendChunk("data: 1\n\n")
		<-end
		c.sendChunk("data: 2\n\n")
		c.send("0\r\n\r\n")
	})
	finish = func() { close(end) }
	return u, finish
}

// readEvent reads the first event of a stream.
func readEvent(t *testing.T, res *http.Response) {
	t.Helper()
	event := make([]byte, len("data: 1\n\n"))
	if _, err := io.ReadFull(res.Body, event); err != nil || string(event) != "data: 1\n\n" {
		t.Fatalf("the stream began with %q and %v", event, err)
	}
}

func draining503(t *testing.T, a *answer) {
	t.Helper()
	if a.status != 503 || a.body != `{"status":"draining"}` || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("/healthz answered %d %q %q, want 503 and draining", a.status, a.header.Get("Content-Type"), a.body)
	}
}

func TestHealthzSaysThatADrainIsNearWhileAllIsServed(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		g.ask("/api")
		g.server.Announce()
		for range 2 { // on the connection that is open, and on a new one
			draining503(t, g.get("/healthz"))
		}
		g.ask("/api")
		if !via.http2 {
			c := g.dial()
			c.ask("GET /api HTTP/1.1")
			if a := c.answer("GET"); a.status != 200 || a.header.Get("Connection") != "close" {
				t.Errorf("an answer of status %d has Connection: %q, want 200 and close", a.status, a.header.Get("Connection"))
			}
			c.closed()
		}
	})
}

func TestIdleConnectionIsClosedByADrain(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		fresh, used := g.dial(), g.dial()
		used.ask("GET /api HTTP/1.1")
		used.answer("GET").ok(t)
		if !within(patienceOfTests, func() bool { return g.server.connections() == 2 }) {
			t.Fatal("the server does not know of its connections")
		}
		g.stop()
		used.closed()
		fresh.closed()
	})
}

func TestRequestThatHasBegunToComeIsServedInADrain(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		ask, health := g.dial(), g.dial()
		ask.send("GET /api HTT")
		health.send("GET /healthz HTT")
		if !within(patienceOfTests, func() bool { return g.server.InFlight() == 2 }) {
			t.Fatal("requests that have begun to come are not in flight")
		}
		g.stop()
		ask.send("P/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + token + "\r\n\r\n")
		if a := ask.answer("GET"); a.status != 200 || a.header.Get("Connection") != "close" {
			t.Errorf("the answer is %d with Connection: %q, want 200 and close", a.status, a.header.Get("Connection"))
		}
		ask.closed()
		health.send("P/1.1\r\nHost: gateway\r\n\r\n")
		a := health.answer("GET")
		draining503(t, a)
		if a.header.Get("Connection") != "close" {
			t.Errorf("/healthz has Connection: %q, want close", a.header.Get("Connection"))
		}
		health.closed()
	})
}

func TestStreamEndsWholeInADrain(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u, finish := streaming(t)
		g := start(t, via, newConfig(u.base()))
		res := g.open(g.request("GET", "/api/stream", nil))
		readEvent(t, res)
		g.stop()
		finish()
		if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "data: 2\n\n" {
			t.Errorf("the stream ended with %q and %v", rest, err)
		}
		if broken := g.server.Drain(context.Background()); broken != 0 {
			t.Errorf("%d exchanges were broken off, want none", broken)
		}
		if o := g.outcome(); o.End != gateway.Complete {
			t.Errorf("the stream's end is %q, want complete", o.End)
		}
	})
}

func TestWhatIsLeftAtTheEndOfADrainIsBrokenOff(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u, finish := streaming(t)
		defer finish()
		g := start(t, via, newConfig(u.base()))
		res := g.open(g.request("GET", "/api/stream", nil))
		readEvent(t, res)
		g.stop()
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if broken := g.server.Drain(over); broken != 1 {
			t.Errorf("%d exchanges were broken off, want 1", broken)
		}
		if rest, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("the stream ended with %q and looks complete", rest)
		}
		if len(g.ended) != 1 {
			t.Fatal("the drain was over before the exchange was accounted for")
		}
		if o := g.outcome(); o.End != gateway.Draining {
			t.Errorf("the stream's end is %q, want draining", o.End)
		}
	})
}

func TestTunnelIsBrokenOffAtTheEndOfADrain(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(wsOpen)
			c.awaitClosed()
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.handshake("/api", "")
		c.opened()
		g.stop()
		over, cancel := context.WithCancel(context.Background())
		cancel()
		g.server.Drain(over)
		if o := g.outcome(); o.End != gateway.Draining {
			t.Errorf("the tunnel's end is %q, want draining", o.End)
		}
	})
}

// Nobody reads from such a client, so that the end of its connection, which is
// the gateway's own doing, does not show there.
func TestWhatIsStuckOnItsUpstreamIsBrokenOffAtTheEndOfADrain(t *testing.T) {
	for name, request := range map[string]func(*rawClient){
		"upload": func(c *rawClient) { c.ask("POST /api HTTP/1.1", "Content-Length: 1200000000") },
		"tunnel": func(c *rawClient) { c.handshake("/api", ""); c.opened() },
	} {
		t.Run(name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				ended := make(chan struct{})
				defer close(ended)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.ended = true
					if r.has("Upgrade") {
						c.send(wsOpen)
					}
					<-ended // reads nothing
				})
				g := start(t, via, newConfig(u.base()))
				c := g.dial()
				request(c)
				c.fill()
				g.stop()
				over, cancel := context.WithCancel(context.Background())
				cancel()
				g.server.Drain(over)
				if len(g.ended) != 1 {
					t.Fatal("the drain was over before the exchange was accounted for")
				}
				if o := g.outcome(); o.End != gateway.Draining {
					t.Errorf("its end is %q, want draining", o.End)
				}
			})
		})
	}
}

func TestServerThatIsLeftEndsConnectionsWithTheirNextAnswer(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u, finish := streaming(t)
		g := start(t, via, newConfig(u.base()))
		idle, busy := g.dial(), g.dial()
		idle.ask("GET /api HTTP/1.1")
		idle.answer("GET").ok(t)
		busy.ask("GET /api/stream HTTP/1.1")
		busy.head()
		g.server.Leave()
		finish()
		for line := ""; line != "0\r\n"; { // the last chunk
			var err error
			if line, err = busy.r.ReadString('\n'); err != nil {
				t.Fatalf("the stream ended with %v", err)
			}
		}
		busy.r.ReadString('\n')
		for _, c := range []*rawClient{idle, busy} {
			c.ask("GET /api HTTP/1.1")
			if a := c.answer("GET"); a.status != 200 || a.header.Get("Connection") != "close" {
				t.Errorf("the next answer is %d with Connection: %q, want 200 and close", a.status, a.header.Get("Connection"))
			}
			c.closed()
			c.Close()
		}
		g.get("/healthz").ok(t) // whoever listens now is well
		g.client.CloseIdleConnections()
		<-g.server.Gone()
	})
}

func TestServerThatIsLeftSendsGoAwayWithTheNextAnswer(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		h := g.dialHTTP2()
		auth := "authorization: Bearer " + token
		h.headers(1, true, ask2("GET", "/api", auth)...)
		if end := h.end(1); end != "200" {
			t.Fatalf("the first answer is %s", end)
		}
		g.server.Leave()
		h.headers(3, true, ask2("GET", "/api", auth)...)
		var goAway, answered bool
		for !goAway || !answered {
			f, err := h.read()
			if err != nil {
				t.Fatalf("the connection ended with %v; GOAWAY %t, answer %t", err, goAway, answered)
			}
			goAway = goAway || f.kind == frameGoAway && strings.HasPrefix(f.payload, "\x00\x00\x00\x03\x00\x00\x00\x00")
			answered = answered || f.kind == frameData && f.stream == 3 && f.flags&flagEndStream != 0
		}
		<-g.server.Gone()
	})
}

// connections is how many connections of HTTP/1.1 a drain would find.
func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
