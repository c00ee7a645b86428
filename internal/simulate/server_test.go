package simulate

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

func TestShutdownLetsAnswersEnd(t *testing.T) {
	s, gate := streams[0], make(chan struct{}, 1)
	server, err := Listen("127.0.0.1:0", Options{Gate: gate})
	if err != nil {
		t.Fatal(err)
	}
	res := ask(t, server.URL()+s.path, s.body)
	gate <- struct{}{}
	r := bufio.NewReader(res.Body)
	if _, err := s.next(r); err != nil {
		t.Fatal(err)
	}
	over := make(chan error)
	go func() { over <- server.Shutdown(t.Context()) }()
	for {
		c, err := net.Dial("tcp", server.Addr())
		if err != nil {
			break // it listens no more
		}
		c.Close()
	}
	select {
	case err := <-over:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	close(gate)
	res.Body = struct {
		io.Reader
		io.Closer
	}{r, res.Body}
	if events := all(t, res, s.next); len(events) != DefaultTokens+2 {
		t.Errorf("%d more events", len(events))
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsWhatDoesNotEnd(t *testing.T) {
	s, server := streams[0], start(t, Options{})
	res := ask(t, server.URL()+s.path, s.body, "X-Sim-Fault", "stall")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := res.Body.Read(make([]byte, 1)); err == nil {
		t.Error("the answer went on")
	}
}
