package server

import (
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"

	"ai-gw-lite/internal/gateway"
)

// survive, deferred, has a defect end the one connection in whose serving it
// showed. What an exchange held has been given back by then: the gateway sees
// to that itself. The connection is reset, so that no answer looks complete.
func (s *Server) survive(c net.Conn) {
	if p := recover(); p != nil {
		s.tellOf(p)
		if t, ok := c.(*net.TCPConn); ok {
			t.SetLinger(0)
		}
		c.Close()
	}
}

// surviveStream is survive for a stream of HTTP/2: Go's server resets it, and
// would not say why.
func (s *Server) surviveStream() {
	if p := recover(); p != nil {
		if p != http.ErrAbortHandler {
			s.tellOf(p)
		}
		panic(http.ErrAbortHandler)
	}
}

// tellOfDefects is told by the gateway of panics that ended nothing.
func tellOfDefects(log *slog.Logger) func(error) {
	return func(defect error) { log.Error("a defect of the gateway", "cause", defect) }
}

// tellOf logs where the defect is. What was panicked with is not shown unless
// it is the runtime's: it could be a client's or a secret.
func (s *Server) tellOf(value any) {
	defect := &gateway.Panic{Value: value, Stack: debug.Stack()}
	s.log.Error("a connection has ended in a defect of the gateway", "cause", defect)
}
