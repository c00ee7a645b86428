//go:build linux

package systemd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manager is systemd's end of the socket.
func manager(t *testing.T, address string) (received func() string) {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", address)
	return func() string {
		t.Helper()
		b := make([]byte, 4096)
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func TestMessagesReachTheManager(t *testing.T) {
	for name, address := range map[string]string{
		"a path":           filepath.Join(t.TempDir(), "notify"),
		"an abstract name": fmt.Sprintf("@ai-gw-lite-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			received := manager(t, address)
			n, err := New()
			if err != nil {
				t.Fatal(err)
			}
			n.Ready()
			n.MainPID(4711)
			n.Status("all is well")
			n.Stopping()
			for _, want := range []string{"READY=1", "MAINPID=4711", "STATUS=all is well", "STOPPING=1"} {
				if got := received(); got != want {
					t.Errorf("the manager got %q, want %q", got, want)
				}
			}
		})
	}
}

// The manager takes a reload for the one it asked for if it began after that.
func TestReloadTellsWhenItBegan(t *testing.T) {
	received := manager(t, filepath.Join(t.TempDir(), "notify"))
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	before := uptime(t)
	n.Reloading()
	usec, found := strings.CutPrefix(received(), "RELOADING=1\nMONOTONIC_USEC=")
	at, err := strconv.ParseInt(usec, 10, 64)
	if !found || err != nil {
		t.Fatalf("the manager got %q", usec)
	}
	// /proc/uptime includes time asleep, and has hundredths
	if at > before+int64(5*time.Second/time.Microsecond) || at <= 0 {
		t.Errorf("the reload began at %d µs, the system is %d µs old", at, before)
	}
	n.Reloading()
	if later, _ := strings.CutPrefix(received(), "RELOADING=1\nMONOTONIC_USEC="); later <= usec && len(later) <= len(usec) {
		t.Errorf("a later reload began at %s, the one before at %s", later, usec)
	}
}

func uptime(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Skip(err)
	}
	s, err := strconv.ParseFloat(strings.Fields(string(b))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(s * 1e6)
}

func TestNobodyIsToldWithoutAManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n, err := New()
	if n != nil || err != nil {
		t.Fatalf("New: %v, %v; want nothing", n, err)
	}
	n.Ready() // must not fail
}
