package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLargeHeadGrowsTheBufferAndStaysWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		head := "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Fill: "+strings.Repeat("a", 1000)+"\r\n", 250) + "\r\n"
		go send(t, peer, head+"body")
		got, err := nextHead(c, MaxResponseHead)
		if err != nil || string(got) != head {
			t.Fatalf("a head of %d bytes, error %v; want %d", len(got), err, len(head))
		}
		var h ResponseHead
		if err := ParseResponse(got, &h, false); err != nil || len(h.Fields) != 250 {
			t.Errorf("%d lines, error %v", len(h.Fields), err)
		}
		c.ExpectBody(ByLength, 4)
		if body, err := readBody(c); err != nil || body != "body" {
			t.Errorf("the body is %q, error %v", body, err)
		}
		c.Release()
		if c.buf != nil {
			t.Error("a buffer is left")
		}
	})
}

// A head as long as the limit passes; without its end it is known to be too large.
func TestHeadMayBeAsLongAsTheLimitAndNoLonger(t *testing.T) {
	head := "GET / HTTP/1.1\r\nHost: gw\r\n\r\n"
	limit := len(head)
	c := connOf([]byte(head + "body"))
	if got, err := nextHead(c, limit); err != nil || string(got) != head {
		t.Errorf("at the limit: %q, %v", got, err)
	}
	c = connOf([]byte(head))
	if err := c.Fill(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.FindHead(limit - 1); err != errHeadTooLarge {
		t.Errorf("one byte more: %v", err)
	}
	c = connOf([]byte(head[:limit-1]))
	if err := c.Fill(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.FindHead(limit - 1); err != errHeadTooLarge {
		t.Errorf("as many without an end: %v", err)
	}
}

func TestFullReadIsFollowedByALargerOne(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		const size = 4 << 20
		go send(t, peer, strings.Repeat("x", size))
		c.ExpectBody(ByLength, size)
		largest := 0
		for !c.BodyDone() {
			if _, err := c.Next(); err != nil {
				t.Fatal(err)
			}
			largest = max(largest, len(c.buf.b))
		}
		if largest != bulkSize {
			t.Errorf("the largest buffer held %d bytes, want %d", largest, bulkSize)
		}
	})
}

func TestBulkReadsEndWithTheBulk(t *testing.T) {
	c := connOf(make([]byte, readSize), []byte("a little"), []byte("more"))
	for _, want := range []int{readSize, bulkSize, readSize} {
		if err := c.Fill(); err != nil || len(c.buf.b) != want {
			t.Errorf("a buffer of %d bytes, error %v; want %d", len(c.buf.b), err, want)
		}
		c.Take()
		c.Release()
	}
}

// watched is a socket that tells of each read.
type watched struct {
	scripted
	onRead func()
}

func (w *watched) Read(p []byte) (int, error) {
	w.onRead()
	return w.scripted.Read(p)
}

// TLS cannot be asked whether there is something to read.
func TestIdleConnectionWaitsForItsFirstByteWithoutABuffer(t *testing.T) {
	w := &watched{scripted: scripted{pieces: [][]byte{[]byte("first"), []byte("second")}}}
	c := NewConn(w)
	w.onRead = func() {
		if c.buf != nil {
			t.Error("a buffer is held while the connection waits")
		}
	}
	if err := c.AwaitFirst(); err != nil || string(c.Unread()) != "f" {
		t.Fatalf("%q, error %v", c.Unread(), err)
	}
	w.onRead = func() {}
	if err := c.Fill(); err != nil || string(c.Take()) != "first" {
		t.Fatalf("error %v", err)
	}
	w.onRead = func() {
		if c.buf != nil {
			t.Error("a buffer is held while the connection waits again")
		}
	}
	if err := c.AwaitFirst(); err != nil || string(c.Unread()) != "s" {
		t.Fatalf("%q, error %v", c.Unread(), err)
	}
	w.onRead = func() {}
	for c.Fill() == nil {
	}
	if got := string(c.Take()); got != "second" {
		t.Errorf("%q came", got)
	}
	if err := c.AwaitFirst(); err != io.EOF || c.buf != nil {
		t.Errorf("at the end: error %v, a buffer %v", err, c.buf != nil)
	}
}

func TestReadWithoutProgressIsAnError(t *testing.T) {
	if err := NewConn(idleReader{}).Fill(); err != io.ErrNoProgress {
		t.Errorf("error %v", err)
	}
}

type idleReader struct{ net.Conn }

func (idleReader) Read([]byte) (int, error) { return 0, nil }

func TestFirstBytesAreAwaitedAndKept(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		for range 3 {
			go send(t, peer, plainHead)
			if err := c.AwaitFirst(); err != nil || c.Buffered() == 0 {
				t.Fatalf("%d bytes, error %v", c.Buffered(), err)
			}
			if head, err := nextHead(c, MaxRequestHead); err != nil || string(head) != plainHead {
				t.Fatalf("head %q, error %v", head, err)
			}
		}
		peer.Close()
		if err := c.AwaitFirst(); err != io.EOF {
			t.Errorf("error %v behind the peer's close", err)
		}
	})
}

func TestAwaitingMoreKeepsWhatIsUnread(t *testing.T) {
	c := connOf([]byte("un"), []byte("read"))
	for range 2 {
		if err := c.AwaitFirst(); err != nil {
			t.Fatal(err)
		}
	}
	for c.Fill() == nil {
	}
	if got := string(c.Take()); got != "unread" {
		t.Errorf("%q came", got)
	}
}

func TestPeerThatClosesIsNoticed(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		gone := make(chan bool)
		go func() { gone <- c.AwaitClose() }()
		peer.Close()
		if !<-gone {
			t.Error("the close was not told")
		}
	})
}

func TestPeerThatResetsIsNoticed(t *testing.T) {
	reset := func(t *testing.T, c *Conn, socket *net.TCPConn) {
		gone := make(chan bool)
		go func() { gone <- c.AwaitClose() }()
		socket.SetLinger(0)
		socket.Close()
		if !<-gone {
			t.Error("the reset was not told")
		}
	}
	t.Run("plain", func(t *testing.T) {
		peer, c := plainPair(t)
		reset(t, c, peer)
	})
	t.Run("tls", func(t *testing.T) {
		_, c, socket := tlsPair(t)
		reset(t, c, socket)
	})
}

func TestInterruptEndsTheWaitForAClose(t *testing.T) {
	onBoth(t, func(t *testing.T, _ net.Conn, c *Conn) {
		gone := make(chan bool)
		go func() { gone <- c.AwaitClose() }()
		c.Interrupt()
		if <-gone {
			t.Error("an interrupt is told as a close")
		}
	})
}

func TestPipelinedBytesAreKeptWhileTheCloseIsAwaited(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		gone := make(chan bool)
		go func() { gone <- c.AwaitClose() }()
		for i := range len(plainHead) {
			send(t, peer, plainHead[i:i+1])
		}
		c.Interrupt()
		if <-gone {
			t.Error("bytes are told as a close")
		}
		c.SetReadDeadline(time.Now().Add(testTimeout))
		if head, err := nextHead(c, MaxRequestHead); err != nil || string(head) != plainHead {
			t.Errorf("the next head is %q, error %v", head, err)
		}
	})
}

func TestPipelinedBytesBehindACloseStillTellOfIt(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		send(t, peer, plainHead)
		peer.Close()
		if !c.AwaitClose() {
			t.Error("the close was not told")
		}
	})
}

func TestMuchThatIsPipelinedIsNotReadWhileTheCloseIsAwaited(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		gone := make(chan bool)
		go func() { gone <- c.AwaitClose() }()
		peer.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := peer.Write(make([]byte, moreThanBuffersHold)); !IsTimeout(err) {
			t.Errorf("the peer was not left to wait: %v", err)
		}
		c.Interrupt()
		if <-gone {
			t.Error("bytes are told as a close")
		}
		if n := c.Buffered(); n < readSize || n > 2*readSize {
			t.Errorf("%d bytes were read", n)
		}
	})
}

func TestInterruptFailsReadsUntilADeadlineIsSetAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		failed := make(chan error)
		go func() { failed <- c.Fill() }()
		c.Interrupt()
		if err := <-failed; !IsTimeout(err) {
			t.Errorf("the waiting read: %v", err)
		}
		send(t, peer, "bytes")
		for name, read := range map[string]func() error{"Fill": c.Fill, "AwaitFirst": c.AwaitFirst} {
			if err := read(); !IsTimeout(err) || c.Buffered() != 0 {
				t.Errorf("a later %s: %v", name, err)
			}
		}
		c.SetReadDeadline(time.Time{})
		for c.Buffered() < len("bytes") {
			if err := c.Fill(); err != nil {
				t.Fatal(err)
			}
		}
		if got := string(c.Take()); got != "bytes" {
			t.Errorf("%q came", got)
		}
	})
}

func TestInterruptInsideAPieceLosesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
		go peer.Write(want)
		c.ExpectBody(ByLength, int64(len(want)))
		var got []byte
		for i := 0; !c.BodyDone(); i++ {
			if i%3 == 0 {
				c.Interrupt()
			}
			p, err := c.Next()
			if err != nil && !IsTimeout(err) {
				t.Fatal(err)
			}
			if err != nil {
				c.SetReadDeadline(time.Now().Add(testTimeout))
			}
			got = append(got, bytes.Join(p.Data, nil)...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes came, want %d", len(got), len(want))
		}
	})
}

func TestDeadlineEndsARead(t *testing.T) {
	onBoth(t, func(t *testing.T, _ net.Conn, c *Conn) {
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if err := c.Fill(); !IsTimeout(err) || c.buf != nil && c.pending.can() {
			t.Errorf("error %v", err)
		}
	})
}

func TestAbortSendsNoCloseAlertAndCloseDoes(t *testing.T) {
	for _, c := range []struct {
		name  string
		end   func(*Conn)
		alert bool
	}{
		{"Abort", (*Conn).Abort, false},
		{"Close", func(c *Conn) { c.Close() }, true},
		{"CloseWrite", func(c *Conn) { c.CloseWrite(); c.Abort() }, true},
	} {
		_, conn, socket := tlsPair(t)
		c.end(conn)
		b, err := io.ReadAll(socket)
		if err != nil || len(b) > 0 != c.alert {
			t.Errorf("%s: the peer gets %d bytes, error %v", c.name, len(b), err)
		}
	}
}

func TestAbortFreesAWriteThatWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, _ net.Conn, c *Conn) {
		failed := make(chan error)
		go func() { failed <- c.Write(make([]byte, moreThanBuffersHold)) }()
		c.Abort()
		if err := <-failed; err == nil || IsTimeout(err) {
			t.Errorf("error %v", err)
		}
	})
}

func TestResetIsSeenAsOne(t *testing.T) {
	reset := func(t *testing.T, c *Conn, socket *net.TCPConn) {
		c.Reset()
		if _, err := io.ReadAll(socket); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer sees %v", err)
		}
	}
	t.Run("plain", func(t *testing.T) {
		peer, c := plainPair(t)
		reset(t, c, peer)
	})
	t.Run("patient", func(t *testing.T) {
		peer, own := tcpPair(t)
		reset(t, NewConn(Patient(own, time.Hour)), peer)
	})
	t.Run("tls", func(t *testing.T) {
		_, c, socket := tlsPair(t)
		reset(t, c, socket)
	})
	t.Run("tls in tls", func(t *testing.T) {
		c, socket := tlsInTLS(t)
		reset(t, c, socket)
	})
}

// tlsInTLS is a Conn to an upstream over TLS behind a proxy over TLS, and the
// proxy's socket.
func tlsInTLS(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	outer, c, socket := tlsPair(t)
	inner := tls.Server(outer, &tls.Config{Certificates: []tls.Certificate{testCertificate}})
	go inner.Handshake()
	client := tls.Client(c.NetConn(), &tls.Config{InsecureSkipVerify: true})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	return NewConn(client), socket
}

func TestPeerReadsToTheEndBehindCloseWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		if err := c.Write([]byte("the last words")); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(peer); err != nil || string(b) != "the last words" {
			t.Errorf("the peer read %q, error %v", b, err)
		}
		send(t, peer, "an answer")
		for c.Buffered() < len("an answer") {
			if err := c.Fill(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTakenBytesAreUsed(t *testing.T) {
	c := connOf([]byte("one"), []byte("two"))
	for _, want := range []string{"one", "two"} {
		if err := c.Fill(); err != nil {
			t.Fatal(err)
		}
		if got := string(c.Take()); got != want || c.Buffered() != 0 {
			t.Errorf("took %q, %d bytes are left", got, c.Buffered())
		}
	}
	if got := c.Take(); len(got) != 0 {
		t.Errorf("took %q again", got)
	}
}
