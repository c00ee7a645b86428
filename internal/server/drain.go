package server

import (
	"context"
	"sync/atomic"
)

// connState is what a drain may do to a connection.
type connState struct{ v atomic.Int32 }

const (
	idle   int32 = iota // between requests: may be closed at once
	active              // an exchange is under way
	closed
)

func (c *connState) begin() bool { return c.v.CompareAndSwap(idle, active) }
func (c *connState) rest() bool  { return c.v.CompareAndSwap(active, idle) }

// StartDrain closes idle connections, those in a TLS handshake included, and
// lets no other become idle: every answer from now on ends its connection. The
// listener is the caller's to close.
func (s *Server) StartDrain() {
	s.draining.Store(true)
	s.endHandshakes()
	s.mu.Lock()
	for h := range s.conns {
		if h.state.v.CompareAndSwap(idle, closed) {
			h.conn.Close()
		}
	}
	s.mu.Unlock()
	s.http2.startDrain()
}

// Drain waits for what is in flight, then breaks off what is left when the
// context ends.
func (s *Server) Drain(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.serving.Wait()
		s.http2.drained()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	for h := range s.conns {
		h.Abort()
	}
	s.mu.Unlock()
	s.http2.abort()
	<-done
}

// track lets a drain find the connection. False says that one has begun.
func (s *Server) track(h *http1) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[h] = struct{}{}
	return !s.draining.Load()
}

func (s *Server) untrack(h *http1) {
	s.mu.Lock()
	delete(s.conns, h)
	s.mu.Unlock()
}
