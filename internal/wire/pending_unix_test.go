//go:build unix

package wire

import (
	"net"
	"testing"
	"time"
)

// attempt is one look of the poller's at a connection.
func attempt(t *testing.T, c *Conn) (done bool) {
	t.Helper()
	if err := c.raw.Control(func(fd uintptr) { done = c.pending.readNow(fd) }); err != nil {
		t.Fatal(err)
	}
	return done
}

func TestReadThatWaitsHoldsNoBuffer(t *testing.T) {
	for name, wrap := range map[string]func(*net.TCPConn) net.Conn{
		"plain":   func(c *net.TCPConn) net.Conn { return c },
		"patient": func(c *net.TCPConn) net.Conn { return Patient(c, time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			peer, own := tcpPair(t)
			c := NewConn(wrap(own))
			if !c.pending.can() {
				t.Fatal("a socket in clear is read with a buffer")
			}
			if attempt(t, c) || c.buf != nil {
				t.Error("a read that finds nothing keeps its buffer")
			}
			send(t, peer, "bytes")
			awaitReadable(t, c)
			if !attempt(t, c) || string(c.Take()) != "bytes" {
				t.Error("the bytes were not read")
			}
			c.Release()
			if attempt(t, c) || c.buf != nil {
				t.Error("the next read that finds nothing keeps its buffer")
			}
		})
	}
}

func TestTLSIsNotReadBehindItsBack(t *testing.T) {
	_, c, _ := tlsPair(t)
	if c.pending.can() {
		t.Error("a read would take records away from TLS")
	}
}
