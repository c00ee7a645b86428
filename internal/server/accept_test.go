package server

import (
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/upstream"
)

// starved is a listener that has run out of descriptors for a while.
type starved struct {
	until time.Time
	tries int
}

func (l *starved) Accept() (net.Conn, error) {
	l.tries++
	if time.Now().Before(l.until) {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return nil, net.ErrClosed
}
func (l *starved) Close() error   { return nil }
func (l *starved) Addr() net.Addr { return &net.TCPAddr{} }

func TestLackOfDescriptorsIsWaitedOutWithoutSpinning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(syncBuffer)
		s := newServer(gateway.New(upstream.NewDialer(nil), nil), nil, slog.New(slog.NewTextHandler(log, nil)), usualPatience())
		defer s.http2.close()
		ln := &starved{until: time.Now().Add(time.Minute)}
		s.Serve(ln)
		if ln.tries > 100 || ln.tries < 50 {
			t.Errorf("it tried %d times in a minute", ln.tries)
		}
		if lines := strings.Count(log.String(), "\n"); lines == 0 || lines > 10 {
			t.Errorf("it logged %d lines in a minute", lines)
		}
	})
}
