package simulate

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a simulated provider that listens on an address of its own, in
// plain HTTP/1.1.
type Server struct {
	provider *provider
	listener net.Listener
	http     *http.Server
	running  sync.WaitGroup // the accept loop and every connection
}

// Listen starts a simulated provider on a TCP address such as "127.0.0.1:0".
// It fails when the address cannot be listened on. The caller closes it.
func Listen(addr string, o Options) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("simulated provider: %w", err)
	}
	s := &Server{provider: newProvider(o), listener: listener}
	s.http = &http.Server{
		Handler:           s.provider,
		ReadHeaderTimeout: 15 * time.Second,
		MaxHeaderBytes:    maxHead,
		ConnState:         s.count,
	}
	s.running.Go(func() { _ = s.http.Serve(listener) }) // ends with Close
	return s, nil
}

// count keeps every connection in running. A new connection is reported by the
// accept loop, which is in running itself, so Close cannot overtake it.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.running.Done()
	}
}

// Addr is the host:port it listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is its base URL, without a slash at the end.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Requests is how many requests it has been sent so far.
func (s *Server) Requests() int64 { return s.provider.requests.Load() }

// Canceled is how many of them were left by their client before the answer was
// complete, those cut by Close included. Use [Options.OnCanceled] to wait for one.
func (s *Server) Canceled() int64 { return s.provider.canceled.Load() }

// Shutdown stops listening and waits until the answers under way have ended. If
// ctx ends before that, it cuts what is left and returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if closed := s.Close(); err == nil {
		err = closed
	}
	return err
}

// Close cuts every connection and returns when all requests have ended.
func (s *Server) Close() error {
	err := s.http.Close()
	s.running.Wait()
	if err != nil {
		return fmt.Errorf("simulated provider: closing: %w", err)
	}
	return nil
}
