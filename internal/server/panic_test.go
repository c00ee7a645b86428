package server

import (
	"io"
	"net"
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// endedAlone fails the test unless the defect was no more than the end of its
// own connection, and the log has its stack but nothing of what it held.
func (g *rig) endedAlone(bystander *rawClient) {
	g.t.Helper()
	if bystander != nil {
		bystander.ask("GET /api HTTP/1.1")
		bystander.answer("GET").ok(g.t)
		g.outcome()
	}
	g.ask("/api")
	if !within(promptly, func() bool { return g.server.InFlight() == 0 }) {
		g.t.Errorf("%d exchanges are still under way", g.server.InFlight())
	}
	log := g.log.String()
	if !strings.Contains(log, "panic (string)") || !strings.Contains(log, "panic_test.go") {
		g.t.Errorf("the log has no stack of it: %q", log)
	}
	if strings.Contains(log, "sk-secret") {
		g.t.Errorf("the log shows what the defect held: %q", log)
	}
}

// bystander is another connection to the gateway, idle meanwhile.
func (g *rig) bystander() *rawClient {
	if g.via.http2 {
		return nil
	}
	c := g.dial()
	c.ask("GET /api HTTP/1.1")
	c.answer("GET").ok(g.t)
	g.outcome()
	return c
}

func TestPanicInAnOperatorsEndpointEndsItsConnectionAlone(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		c := oneSlot(answering(t, okAnswer).base())
		c.Observability = &config.Observability{Metrics: config.Metrics{Enabled: true, Path: "/metrics", Token: "gw_metrics"}}
		g := start(t, via, c)
		g.server.operator = &Operator{Metrics: func(io.Writer, bool) error { panic("sk-secret") }}
		g.server.operator.configure(c)
		other := g.bystander()
		if a, err := g.try(g.request("GET", "/metrics", nil, "Authorization: Bearer gw_metrics")); err == nil && a.err == nil {
			t.Errorf("got %d %q, want a break", a.status, a.body)
		}
		g.endedAlone(other)
	})
}

// unready fails before it follows anything. An exchange that is refused early
// is shown to it when all is given back already.
type unready struct{ blind }

func (unready) begin(b gateway.Beginning) {
	if string(b.Head.Path) == "/nowhere" {
		panic("sk-secret")
	}
}
func (unready) End(*gateway.Outcome) {}

func TestPanicOfAnObserverAtTheEndOfARefusalEndsItsConnectionAlone(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, oneSlot(answering(t, okAnswer).base()), unready{})
		other := g.bystander()
		g.try(g.request("GET", "/nowhere", nil)) // the refusal may have arrived
		g.endedAlone(other)
	})
}

// brittle is a connection on which reading is a defect, as one in the parser
// would be.
type brittle struct{ net.Conn }

func (brittle) Read([]byte) (int, error) { panic("sk-secret") }

func TestPanicWhileReadingARequestEndsItsConnectionAlone(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, oneSlot(answering(t, okAnswer).base()))
		other := g.bystander()
		theirs, ours := net.Pipe()
		defer ours.Close()
		g.server.take(brittle{theirs})
		if _, err := ours.Read(make([]byte, 1)); err == nil {
			t.Error("the connection was not ended")
		}
		g.endedAlone(other)
	})
}

// frightened is an observer that an event of a stream throws off.
type frightened struct{ blind }

func (frightened) ResponseBytes(p []byte) {
	if strings.Contains(string(p), "boo") {
		panic("sk-secret")
	}
}
func (frightened) End(*gateway.Outcome) {}

// An event is passed on within the poller's turn: a defect there must leave
// neither the socket locked nor a slot taken.
func TestPanicWhileRelayingAnEventEndsItsExchangeAlone(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		gone := make(chan bool, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if r.target != "/boo" {
				c.send(okAnswer)
				return
			}
			c.send(eventHead + chunk("data: 1\n\n"))
			waitFor(quietTime) // the first piece goes out with the head
			c.send(chunk("data: boo\n\n"))
			c.awaitGatewayGone()
			gone <- true
		})
		g := start(t, via, oneSlot(u.base()), frightened{})
		if a, err := g.try(g.request("POST", "/api/boo", nil)); err == nil && a.err == nil {
			t.Errorf("got %d %q, want a break", a.status, a.body)
		}
		receive(t, gone, "the end of the upstream's connection")
		if o := g.outcome(); o.End != gateway.UpstreamBroken || o.Cause == nil || !strings.HasPrefix(o.Cause.Error(), "panic (string)") {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
		g.ask("/api")
	})
}
