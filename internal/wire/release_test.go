package wire

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"weak"
)

// The memory of a buffer that was given back is the pool's alone: once the
// pool drops it, nothing keeps it alive.
func TestReleasedConnectionKeepsNoBufferAlive(t *testing.T) {
	for _, body := range []struct {
		name    string
		framing Framing
		bytes   string
	}{
		{"by length", ByLength, "0123456789"},
		{"chunked", ByChunks, "5\r\nhello\r\n3;x\r\nyou\r\n0\r\n\r\n"},
		{"in tiny chunks", ByChunks, strings.Repeat("1\r\nx\r\n", 100) + "0\r\n\r\n"},
	} {
		t.Run(body.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
				for range 3 {
					send(t, peer, body.bytes)
					c.ExpectBody(body.framing, 10)
					for !c.BodyDone() {
						if _, err := c.Next(); err != nil {
							t.Fatal(err)
						}
					}
					held := weak.Make(c.buf)
					memory := weak.Make(&c.buf.b[0])
					c.Release()
					for range 3 { // a pool lets go at the second collection
						runtime.GC()
					}
					if held.Value() != nil || memory.Value() != nil {
						t.Error("the buffer is still alive")
					}
				}
				runtime.KeepAlive(c)
			})
		})
	}
}

func TestReleaseKeepsWhatIsUnread(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		send(t, peer, "unread")
		for c.Buffered() < len("unread") {
			if err := c.Fill(); err != nil {
				t.Fatal(err)
			}
		}
		c.Release()
		if got := string(c.Unread()); got != "unread" {
			t.Errorf("%q is left", got)
		}
		c.Discard()
		if c.buf != nil || c.Buffered() != 0 {
			t.Error("Discard left a buffer")
		}
	})
}

func TestRoomForTinyChunksIsNotKept(t *testing.T) {
	c := connOf([]byte(strings.Repeat("1\r\nx\r\n", 2000) + "0\r\n\r\n"))
	c.ExpectBody(ByChunks, 0)
	for !c.BodyDone() {
		if _, err := c.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if cap(c.body.data) < 1000 {
		t.Fatal("the test does not need the room")
	}
	c.Release()
	if n := cap(c.body.data); n > keptChunks {
		t.Errorf("room for %d chunks is kept", n)
	}
}
