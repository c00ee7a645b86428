package server

import (
	"net"
	"syscall"
	"testing"
)

// Whether the port is the gateway's own or was taken over, what it accepts
// finds out that its client has died.
func TestClientSocketsFindDeadPeersAndSendAtOnce(t *testing.T) {
	for _, row := range []struct {
		name   string
		listen func() (net.Listener, error)
	}{
		{"opened", func() (net.Listener, error) { return Listen("127.0.0.1:0") }},
		{"adopted", func() (net.Listener, error) {
			ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			return Adopt(ln), err
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			ln, err := row.listen()
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			_, c := connect(t, ln)
			raw, err := c.SyscallConn()
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
				{"TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 4},
				{"TCP_NODELAY", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
			} {
				raw.Control(func(fd uintptr) {
					if got, err := syscall.GetsockoptInt(int(fd), option.level, option.number); err != nil || got != option.is {
						t.Errorf("%s is %d (%v), want %d", option.name, got, err, option.is)
					}
				})
			}
		})
	}
}
