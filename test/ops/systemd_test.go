//go:build linux

package ops

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manager is systemd's end of the socket that services talk to.
type manager struct {
	g    *gateway
	conn *net.UnixConn
}

// expect fails the test unless the next message matches.
func (m *manager) expect(pattern string) {
	m.g.t.Helper()
	b := make([]byte, 4096)
	m.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := m.conn.Read(b)
	if err != nil {
		m.g.t.Fatalf("waiting for %s: %v", pattern, err)
	}
	if !regexp.MustCompile("^(?s:" + pattern + ")$").Match(b[:n]) {
		m.g.t.Fatalf("systemd is told %q, want %s", b[:n], pattern)
	}
}

// reloads expects what a reload tells.
func (m *manager) reloads(status string) {
	m.g.t.Helper()
	m.expect(`RELOADING=1\nMONOTONIC_USEC=\d+`)
	m.expect("STATUS=.*" + status + ".*")
	m.expect("READY=1")
}

func TestSystemdIsToldOfEachStep(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"a path":           filepath.Join(t.TempDir(), "notify"),
		"an abstract name": "@" + strings.ReplaceAll(t.TempDir(), "/", "-"),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p := newProvider(t)
			g := start(t, p.URL, "", "NOTIFY_SOCKET="+address)
			m := &manager{g, conn}
			m.expect("READY=1")
			g.signal(syscall.SIGHUP)
			m.reloads("reloaded")
			g.configure("nonsense")
			g.signal(syscall.SIGHUP)
			m.reloads("rejected")
			g.configure(configOf(p.URL, "reload: {watch: false}\n"))
			g.signal(syscall.SIGHUP)
			m.reloads("reloaded")

			g.upgrade()
			m.expect(fmt.Sprintf("MAINPID=%d", g.pid()))
			if code := g.exit(); code != 0 { // says nothing on its way out
				t.Errorf("the old process exits with %d", code)
			}
			g.signal(syscall.SIGHUP)
			m.reloads("reloaded")
			g.signal(syscall.SIGTERM)
			m.expect("STOPPING=1")
			g.await("the end", func() bool { return gone(g.pid()) })
		})
	}
}
