package server

import (
	"context"
	"sync"
	"sync/atomic"
)

// InFlight is how many exchanges are under way.
func (s *Service) InFlight() (n int) {
	for _, one := range s.all(false) {
		n += one.InFlight()
	}
	return n
}

// Announce has /healthz say that a drain is near while all is still served.
func (s *Service) Announce() {
	for _, one := range s.all(true) {
		one.Announce()
	}
}

// Leave stops accepting, for another process does: see Server.Leave.
func (s *Service) Leave() {
	servers := s.all(true)
	s.port.close()
	for _, one := range servers {
		one.Leave()
	}
}

// StartDrain stops accepting and closes idle connections: see Server.StartDrain.
func (s *Service) StartDrain() {
	servers := s.all(true)
	s.port.close()
	for _, one := range servers {
		one.StartDrain()
	}
}

// Drain waits for what is in flight and breaks off what is left when the
// context ends. It returns how many exchanges that were.
func (s *Service) Drain(ctx context.Context) int {
	var broken atomic.Int64
	var wg sync.WaitGroup
	for _, one := range s.all(true) {
		wg.Go(func() { broken.Add(int64(one.Drain(ctx))) })
	}
	wg.Wait()
	return int(broken.Load())
}

// all is every server; ending says that no configuration is applied any more.
func (s *Service) all(ending bool) (servers []*Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = s.ending || ending
	for one := range s.servers {
		servers = append(servers, one)
	}
	return servers
}
