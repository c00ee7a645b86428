package server

import (
	"context"
	"sync/atomic"
	"time"
)

// stage is how far a server has come on its way out. It only ever goes on to a
// later one.
type stage struct{ v atomic.Int32 }

const (
	serving    int32 = iota
	leaving          // new connections go elsewhere: each answer ends its connection, an idle one may still bring a request
	announcing       // the same, and /healthz says so: load balancers are to look elsewhere
	draining         // idle connections are closed
	cutting          // what is left is broken off
)

func (s *stage) goOnTo(next int32) {
	for {
		now := s.v.Load()
		if now >= next || s.v.CompareAndSwap(now, next) {
			return
		}
	}
}

func (s *stage) reached(st int32) bool { return s.v.Load() >= st }

// connState is what a drain may do to a connection.
type connState struct{ v atomic.Int32 }

const (
	idle   int32 = iota // between requests: may be closed at once
	active              // a request has begun to come, or its exchange is under way
	closed
)

func (c *connState) begin() bool    { return c.v.CompareAndSwap(idle, active) }
func (c *connState) end() bool      { return c.v.CompareAndSwap(active, idle) }
func (c *connState) isActive() bool { return c.v.Load() == active }

// Leave makes every answer from now on end its connection, which HTTP/2
// clients learn by GOAWAY: where the server's listener leads to another server,
// its clients come there by and by and none loses a request.
func (s *Server) Leave() {
	s.stage.goOnTo(leaving)
	s.awaitEnd()
}

// Announce does the same and has /healthz answer 503: load balancers see that
// a drain is near while everything is still served.
func (s *Server) Announce() { s.stage.goOnTo(announcing) }

// StartDrain closes idle connections, handshakes too, and lets no other become
// idle: every answer from now on ends its connection. The listener is the
// caller's to close.
func (s *Server) StartDrain() {
	s.stage.goOnTo(draining)
	s.endHandshakes()
	s.mu.Lock()
	for h := range s.conns {
		h.closeIdle()
	}
	s.mu.Unlock()
	s.http2.startDrain()
	s.awaitEnd()
}

// Gone is closed once the last connection has ended, after Leave or StartDrain.
func (s *Server) Gone() <-chan struct{} { return s.gone }

func (s *Server) awaitEnd() {
	s.ending.Do(func() {
		go func() {
			s.here.wait()
			s.http2.close()
			close(s.gone)
		}()
	})
}

// cutPatience is how long exchanges that were broken off are given to account
// for themselves. One whose client had left already, and whose answer is read
// on for the sake of its usage, takes up to a second to notice.
const cutPatience = 2 * time.Second

// Drain waits for what is in flight, after Leave or StartDrain, then breaks off
// what is left when the context ends. It returns how many exchanges that were.
func (s *Server) Drain(ctx context.Context) (broken int) {
	select {
	case <-s.gone:
		return 0
	case <-ctx.Done():
	}
	broken = s.InFlight()
	s.StartDrain() // what is idle ends in good order
	s.stage.goOnTo(cutting)
	s.mu.Lock()
	for h := range s.conns {
		h.Abort()
	}
	s.mu.Unlock()
	s.http2.close()
	select {
	case <-s.gone:
	case <-time.After(cutPatience):
	}
	return broken
}

// InFlight is how many exchanges are under way.
func (s *Server) InFlight() int {
	n := int(s.http2.inFlight.Load())
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.conns {
		if h.state.isActive() {
			n++
		}
	}
	return n
}

// track makes a connection known to a drain. One that comes too late for it is
// closed.
func (s *Server) track(h *http1) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[h] = struct{}{}
	if s.stage.reached(draining) {
		h.closeIdle()
	}
}

func (s *Server) untrack(h *http1) {
	s.mu.Lock()
	delete(s.conns, h)
	s.mu.Unlock()
}
