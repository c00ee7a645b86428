package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// Service is the gateway at work: the configuration in force, the port it
// listens on, and each server that has connections. It goes through Apply, once
// for each configuration; then either Announce and StartDrain, or Leave, when
// another process takes over; then Drain.
type Service struct {
	gateway *gateway.Gateway
	log     *slog.Logger
	listen  func(address string) (net.Listener, error)
	lost    chan error
	pair    atomic.Pointer[tls.Certificate]

	operator *Operator // nil: no endpoints

	mu      sync.Mutex
	config  *config.Config // nil: nothing was applied yet
	port    *port
	server  *Server          // who takes new connections
	servers map[*Server]bool // that one, and those whose clients have not gone yet
	ending  bool
}

// NewService makes a service that does nothing until Apply. listen opens a
// port, as Listen does; o answers operators and may be nil.
func NewService(g *gateway.Gateway, listen func(address string) (net.Listener, error), o *Operator, log *slog.Logger) *Service {
	g.OnDefect(tellOfDefects(log))
	return &Service{gateway: g, operator: o, log: log, listen: listen, lost: make(chan error, 1), servers: make(map[*Server]bool)}
}

// Apply puts a configuration in force; the first one starts the service. On an
// error, a config.Problem where a field is to blame, nothing has changed. No
// connection is closed and no stream stops: where the address changes, or
// whether TLS is spoken, those who came the old way are served to their next
// answer.
func (s *Service) Apply(c *config.Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return errors.New("the gateway is about to stop")
	}
	snapshot, err := gateway.Compile(c)
	if err != nil {
		return err
	}
	pair, err := loadPair(c)
	if err != nil {
		return noPair(c, err)
	}
	ln, err := s.open(c.Listen) // last: there may be no way back
	if err != nil {
		return notListening(c, err)
	}
	if pair != nil {
		s.pair.Store(pair)
	}
	s.gateway.Use(snapshot)
	if s.operator != nil {
		s.operator.configure(c)
	}
	before := s.config
	s.config = c
	if before == nil || ln != nil || (before.InboundTLS == nil) != (c.InboundTLS == nil) {
		s.replaceServer(ln)
	}
	return nil
}

// open opens the port for an address; nil says that it is open already. A new
// port that the old one is in the way of is opened once that is closed.
func (s *Service) open(address string) (net.Listener, error) {
	if s.port == nil {
		return s.listen(address)
	}
	if s.port.address == address {
		return nil, nil
	}
	ln, err := s.listen(address)
	if err == nil || !samePort(address, s.port.address) {
		return ln, err
	}
	s.port.close()
	if ln, err = s.listen(address); err == nil {
		return ln, nil
	}
	back, lost := s.listen(s.port.address)
	if lost != nil {
		s.lost <- fmt.Errorf("listening on %s again: %w", s.port.address, lost)
		return nil, err
	}
	s.port = openPort(back, s.port.address, s.server, s.log)
	return nil, err
}

func samePort(a, b string) bool {
	_, portA, errA := net.SplitHostPort(a)
	_, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && portA == portB
}

// replaceServer has a new server take the connections, on ln unless that is
// nil, and leaves the old one.
func (s *Service) replaceServer(ln net.Listener) {
	var secure *tls.Config
	if s.config.InboundTLS != nil {
		secure = TLS(&s.pair)
	}
	old := s.server
	s.server = New(s.gateway, secure, s.log)
	s.server.operator = s.operator
	s.servers[s.server] = true
	if ln == nil {
		s.port.handTo(s.server)
	} else {
		if s.port != nil {
			s.port.close()
		}
		s.port = openPort(ln, s.config.Listen, s.server, s.log)
	}
	if old != nil {
		old.Leave()
		go s.forget(old)
	}
}

func (s *Service) forget(old *Server) {
	<-old.Gone()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.servers, old)
}

// Lost tells of a port that could not be opened again after a change of
// configuration had failed: nobody can connect any more.
func (s *Service) Lost() <-chan error { return s.lost }

// Listener is the open port, and the address as it is configured.
func (s *Service) Listener() (ln net.Listener, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port.ln, s.port.address
}

// Config is the configuration in force.
func (s *Service) Config() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}
