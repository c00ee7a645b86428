// Package server accepts connections and hands each exchange on them to the
// gateway: listeners, TLS, HTTP/1.1 and HTTP/2 entry, drain, and the
// operator's own endpoints. It does not know how a request is proxied.
package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/wire"
)

// patience is how long a client is given.
type patience struct {
	handshake time.Duration // for TLS
	head      time.Duration // for a request's head; on a new connection from its opening
	idle      time.Duration // between requests
	upload    time.Duration // for the next byte of a request's body
	write     time.Duration // to take a byte while there is something to send
}

// usualPatience is what clients meet; only tests have less.
func usualPatience() patience {
	return patience{
		handshake: 10 * time.Second,
		head:      15 * time.Second,
		idle:      90 * time.Second,
		upload:    60 * time.Second,
		write:     5 * time.Minute,
	}
}

// Server serves the connections of a listener.
type Server struct {
	gateway  *gateway.Gateway
	tls      *tls.Config // nil: plain HTTP
	log      *slog.Logger
	patience patience
	http2    *http2Entry
	operator *Operator // nil: no endpoints but /healthz

	stage         stage
	handshakes    context.Context // of all TLS handshakes; ends as a drain begins
	endHandshakes context.CancelFunc
	mu            sync.Mutex
	conns         map[*http1]struct{}
	here          headcount     // each connection, and each exchange in HTTP/2
	ending        sync.Once     // begins the wait for the last of them
	gone          chan struct{} // closed when the last has gone
}

// New makes a server. config is nil for plain HTTP.
func New(g *gateway.Gateway, config *tls.Config, log *slog.Logger) *Server {
	return newServer(g, config, log, usualPatience())
}

func newServer(g *gateway.Gateway, config *tls.Config, log *slog.Logger, p patience) *Server {
	s := &Server{gateway: g, tls: config, log: log, patience: p, conns: make(map[*http1]struct{}), gone: make(chan struct{})}
	s.handshakes, s.endHandshakes = context.WithCancel(context.Background())
	s.http2 = newHTTP2Entry(s)
	return s
}

// Serve accepts connections until the listener is closed.
func (s *Server) Serve(ln net.Listener) {
	acceptAll(ln, s.log, s.take)
}

// take serves a connection, without waiting for it.
func (s *Server) take(c net.Conn) {
	s.here.come()
	go func() {
		defer s.here.leave()
		defer s.survive(c)
		s.serveConn(c)
	}()
}

func (s *Server) serveConn(c net.Conn) {
	opened := time.Now()
	if t, ok := c.(*net.TCPConn); ok {
		c = wire.Patient(t, s.patience.write)
	}
	if s.tls != nil {
		secure := s.handshake(c)
		if secure == nil {
			return
		}
		if speaksHTTP2(secure) {
			s.http2.serve(secure, opened.Add(s.patience.head))
			return
		}
		c = secure
	}
	newHTTP1(s, c).serve(opened)
}

// speaksHTTP2 keeps the connection's state, which is large, off the stack of a
// connection that lasts.
//
//go:noinline
func speaksHTTP2(c *tls.Conn) bool { return c.ConnectionState().NegotiatedProtocol == "h2" }

// handshake runs the TLS handshake; nil says that it failed and the
// connection is closed.
func (s *Server) handshake(c net.Conn) *tls.Conn {
	secure := tls.Server(c, s.tls)
	ctx, cancel := context.WithTimeout(s.handshakes, s.patience.handshake)
	defer cancel()
	err := secure.HandshakeContext(ctx)
	if err == nil {
		return secure
	}
	if e, ok := err.(tls.RecordHeaderError); ok && e.Conn != nil && looksLikeHTTP(e.RecordHeader) {
		e.Conn.Write(bareAnswer(400))
	}
	c.Close()
	return nil
}

func looksLikeHTTP(start [5]byte) bool {
	switch string(start[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "PRI *":
		return true
	}
	return false
}

// serveExchange answers one request, from the gateway or from an endpoint of
// the operator's own.
func (s *Server) serveExchange(d gateway.Downstream) {
	if !s.serveLocal(d) {
		s.gateway.Serve(d)
	}
}
