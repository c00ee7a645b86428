package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// keepAlive finds dead peers.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4}

// Listen opens the gateway's port.
func Listen(address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	return lc.Listen(context.Background(), "tcp", address)
}

// Adopt makes a port that another process has opened like one of Listen's.
func Adopt(ln net.Listener) net.Listener {
	if t, ok := ln.(*net.TCPListener); ok {
		return adopted{t}
	}
	return ln
}

// adopted sets what a listener passes on to its connections, and cannot be told
// any more.
type adopted struct{ *net.TCPListener }

func (a adopted) Accept() (net.Conn, error) {
	c, err := a.AcceptTCP()
	if err != nil {
		return nil, err
	}
	c.SetKeepAliveConfig(keepAlive)
	return c, nil
}

// TLS is how the gateway speaks HTTPS, with the certificate that pair holds at
// the time of each handshake.
func TLS(pair *atomic.Pointer[tls.Certificate]) *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.Load(), nil },
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
	}
}

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
