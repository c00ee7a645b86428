package server

import (
	"log/slog"
	"net"
	"sync"
)

// port is an open listener and the server that takes its connections. Another
// server can take its place without a client noticing.
type port struct {
	ln      net.Listener
	address string // as it is configured
	ended   chan struct{}

	mu     sync.Mutex
	server *Server
}

// openPort begins to accept on ln.
func openPort(ln net.Listener, address string, s *Server, log *slog.Logger) *port {
	p := &port{ln: ln, address: address, ended: make(chan struct{}), server: s}
	go func() {
		defer close(p.ended)
		acceptAll(ln, log, p.take)
	}()
	return p
}

func (p *port) take(c net.Conn) {
	p.mu.Lock() // a server that is replaced here gets no more connections
	defer p.mu.Unlock()
	p.server.take(c)
}

// handTo has another server take the connections from now on.
func (p *port) handTo(s *Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = s
}

// close stops accepting and returns when nothing is accepted any more.
func (p *port) close() {
	p.ln.Close()
	<-p.ended
}
