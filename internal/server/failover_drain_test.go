package server

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ai-gw-lite/internal/gateway"
)

// A request in flight when a drain begins is retried like any other: its
// client is owed an answer.
func TestRequestIsRetriedDuringADrain(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		var n atomic.Int32
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if n.Add(1) == 1 {
				c.send(answerOf(503, "", "retry-after-ms: 400"))
				return
			}
			c.send(okAnswer)
		})
		g := start(t, via, retrying(u.base()))
		answered := g.begin(g.request("POST", "/api", strings.NewReader("hi")))
		if !within(patienceOfTests, func() bool { return n.Load() == 1 }) {
			t.Fatal("no request came")
		}
		ended := g.drain(patienceOfTests)
		receive(t, answered, "an answer").ok(t)
		g.attempted("a status_503, a ok")
		g.client.CloseIdleConnections()
		g.drained(ended)
	})
}

// One that still waits for its next attempt when the drain is over is cut like a
// stream, and its slots come back.
func TestWaitForAnotherAttemptIsCutAtTheEndOfADrain(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, answerOf(503, "", "Retry-After: 20"))
		c := retrying(u.base())
		c.Concurrency.DownstreamMaxInflight = 1
		c.Routes[0].Upstreams[0].KeyMaxInflight = 1
		g := start(t, via, c)
		answered := g.begin(g.request("POST", "/api", strings.NewReader("hi")))
		if !within(patienceOfTests, func() bool { return len(u.requests()) == 1 }) {
			t.Fatal("no request came")
		}
		waitFor(100 * time.Millisecond) // the wait has begun
		g.stop()
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if broken := g.server.Drain(over); broken != 1 {
			t.Errorf("%d exchanges were broken off, want 1", broken)
		}
		if a := receive(t, answered, "the end"); a.err == nil {
			t.Errorf("got a whole %d %q", a.status, a.body)
		}
		if o := g.attempted("a status_503"); o.End != gateway.Draining || o.Status != 0 {
			t.Errorf("it is accounted as %d %s (%v), want draining", o.Status, o.End, o.Cause)
		}
	})
}
