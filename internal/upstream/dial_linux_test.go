package upstream

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// blackhole is an address that answers no connection: a listener whose queue is
// full drops them.
func blackhole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(name.(*syscall.SockaddrInet4).Port)
	for range 10 {
		conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("the listener's queue does not fill")
	return ""
}

func TestConnectionNobodyAnswersEndsWithTheContext(t *testing.T) {
	hole := blackhole(t)
	for _, c := range []struct {
		endpoint *Endpoint
		stage    Stage
	}{
		{&Endpoint{Address: hole}, StageConnect},
		{&Endpoint{Address: "up.test:80", Proxy: &Proxy{Protocol: ProxyHTTP, Address: hole}}, StageProxyConnect},
		{&Endpoint{Address: "up.test:80", Proxy: &Proxy{Protocol: ProxySOCKS, Address: hole}}, StageProxyConnect},
	} {
		t.Run(string(c.stage)+" timeout", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := NewDialer(nil).Dial(ctx, c.endpoint)
			wantEnd(t, err, c.stage, context.DeadlineExceeded)
			if !IsTimeout(err) {
				t.Errorf("error %v is no timeout", err)
			}
		})
		t.Run(string(c.stage)+" cancelled", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err := NewDialer(nil).Dial(ctx, c.endpoint)
			wantEnd(t, err, c.stage, context.Canceled)
		})
	}
}

func wantEnd(t *testing.T, err error, stage Stage, end error) {
	t.Helper()
	var failed *DialError
	if !errors.As(err, &failed) || failed.Stage != stage || failed.Err != end {
		t.Errorf("error %v, want %v in stage %q", err, end, stage)
	}
}

func TestSocketFindsDeadPeersAndSendsAtOnce(t *testing.T) {
	conn := mustDial(t, NewDialer(nil), &Endpoint{Address: serve(t, echo)})
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []struct {
		name              string
		level, number, is int
	}{
		{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
		{"TCP_KEEPINTVL", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
		{"TCP_NODELAY", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
	} {
		raw.Control(func(fd uintptr) {
			if got, err := syscall.GetsockoptInt(int(fd), option.level, option.number); err != nil || got != option.is {
				t.Errorf("%s is %d (%v), want %d", option.name, got, err, option.is)
			}
		})
	}
}
