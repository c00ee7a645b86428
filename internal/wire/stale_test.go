//go:build unix

package wire

import (
	"crypto/tls"
	"net"
	"syscall"
	"testing"
	"time"
)

// readAnswer reads what an upstream sent, up to its last byte.
func readAnswer(t *testing.T, c *Conn, want string) {
	t.Helper()
	for c.Buffered() < len(want) {
		if err := c.Fill(); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(c.Take()); got != want {
		t.Fatalf("read %q, want %q", got, want)
	}
}

func TestOpenConnectionIsNotStaleAndGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		for range 3 {
			if c.IsStale() {
				t.Fatal("an open connection is taken for stale")
			}
			c.Release()
			send(t, peer, "answer")
			readAnswer(t, c, "answer")
		}
	})
}

func TestConnectionWhosePeerClosedIsStale(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		send(t, peer, "answer")
		readAnswer(t, c, "answer")
		peer.Close()
		awaitReadable(t, c)
		if !c.IsStale() {
			t.Error("a closed connection is taken for good")
		}
	})
}

func TestConnectionThatWasResetIsStale(t *testing.T) {
	peer, c := plainPair(t)
	peer.SetLinger(0)
	peer.Close()
	awaitReadable(t, c)
	if !c.IsStale() {
		t.Error("a reset connection is taken for good")
	}
}

func TestConnectionWithUnaskedBytesIsStale(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		send(t, peer, "answer")
		readAnswer(t, c, "answer")
		send(t, peer, "HTTP/1.1 200 OK\r\n\r\n")
		awaitReadable(t, c)
		if !c.IsStale() {
			t.Error("a connection with unasked bytes is taken for good")
		}
	})
}

func TestConnectionThatHoldsUnreadBytesIsStale(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		send(t, peer, "answer")
		if err := c.Fill(); err != nil {
			t.Fatal(err)
		}
		if !c.IsStale() {
			t.Error("a connection with unread bytes is taken for good")
		}
	})
}

func TestClosedConnectionIsStale(t *testing.T) {
	onBoth(t, func(t *testing.T, _ net.Conn, c *Conn) {
		c.Abort()
		if !c.IsStale() {
			t.Error("our own closed connection is taken for good")
		}
	})
}

// TLS reads ahead: a record that comes in one segment with the answer's last
// one is in nobody's sight, neither in the Conn's buffer nor in the socket's.
func TestUnaskedRecordThatCameWithTheAnswerMakesTheConnectionStale(t *testing.T) {
	for _, second := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "x"} {
		held := new(heldBack)
		c := NewConn(heldBackTLS(t, held))
		held.hold = true
		send(t, held.tls, "answer")
		send(t, held.tls, second)
		held.flush(t)
		readAnswer(t, c, "answer")
		if !c.IsStale() {
			t.Errorf("with %q behind the answer the connection is taken for good", second)
		}
	}
}

func TestCloseThatCameWithTheAnswerMakesTheConnectionStale(t *testing.T) {
	held := new(heldBack)
	c := NewConn(heldBackTLS(t, held))
	held.hold = true
	send(t, held.tls, "answer")
	held.tls.CloseWrite()
	held.flush(t)
	readAnswer(t, c, "answer")
	if !c.IsStale() {
		t.Error("a connection that TLS has closed is taken for good")
	}
}

func TestSessionTicketDoesNotMakeAConnectionStale(t *testing.T) {
	held := &heldBack{tickets: true}
	c := NewConn(heldBackTLS(t, held))
	for range 3 {
		send(t, held.tls, "answer")
		readAnswer(t, c, "answer")
		if c.IsStale() {
			t.Fatal("a connection on which a session ticket came is taken for stale")
		}
	}
}

// heldBack is a peer's socket that puts off its writes, to join them to one segment.
type heldBack struct {
	net.Conn
	tls     *tls.Conn // on top of it
	tickets bool
	hold    bool
	held    []byte
}

func (h *heldBack) Write(b []byte) (int, error) {
	if h.hold {
		h.held = append(h.held, b...)
		return len(b), nil
	}
	return h.Conn.Write(b)
}

func (h *heldBack) flush(t *testing.T) {
	t.Helper()
	h.hold = false
	h.SetWriteDeadline(time.Time{}) // TLS leaves one behind its close
	send(t, h.Conn, string(h.held))
}

// heldBackTLS is the other end of a connection whose peer is held.
func heldBackTLS(t *testing.T, held *heldBack) *tls.Conn {
	t.Helper()
	socket, own := tcpPair(t)
	held.Conn = socket
	held.tls = tls.Server(held, &tls.Config{Certificates: []tls.Certificate{testCertificate}, SessionTicketsDisabled: !held.tickets})
	client := tls.Client(own, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- held.tls.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client
}

// awaitReadable blocks until something has come for c, and leaves it there.
func awaitReadable(t *testing.T, c *Conn) {
	t.Helper()
	err := c.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return err != syscall.EAGAIN
	})
	if err != nil {
		t.Fatal(err)
	}
}
