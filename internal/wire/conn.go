package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is one HTTP/1.1 connection, of either side: the socket, and what was
// read from it and not yet used.
//
// Reading and writing may go on at the same time, but each from one goroutine
// only. Interrupt, Shut, Abort and Close may be called from any.
type Conn struct {
	c   net.Conn
	raw syscall.RawConn // of the TCP socket below; nil where it cannot be had

	buf     *buffer // nil: nothing unread
	r, w    int     // the unread part of buf
	bulk    bool    // the last read filled its buffer
	scan    headScan
	body    body
	pending pendingRead // the read that waits without a buffer
	shut    atomic.Bool
}

// NewConn wraps a connected socket, TCP or TLS. The Conn owns it.
func NewConn(c net.Conn) *Conn {
	wc := &Conn{c: c}
	wc.raw = rawConn(c)
	if _, secure := c.(*tls.Conn); !secure && wc.raw != nil {
		wc.pending.init(wc)
	}
	return wc
}

// NetConn is the socket below, for addresses and for the HTTP/2 server.
func (c *Conn) NetConn() net.Conn { return c.c }

// Buffered is how many bytes were read and not yet used.
func (c *Conn) Buffered() int { return c.w - c.r }

// Unread returns the bytes that were read and not yet used. They live until
// the next read.
func (c *Conn) Unread() []byte {
	if c.buf == nil {
		return nil
	}
	return c.buf.b[c.r:c.w]
}

// Take returns all that was read and not yet used, and uses it. It lives until
// the next read.
func (c *Conn) Take() []byte {
	b := c.Unread()
	c.r = c.w
	return b
}

// Fill blocks until the peer has sent at least one more byte. What Next and
// FindHead returned before is then gone.
func (c *Conn) Fill() error {
	if c.r == c.w {
		if c.pending.can() {
			c.Release()
			return c.pending.read()
		}
		c.r, c.w = 0, 0
	}
	c.makeRoom()
	n, err := c.c.Read(c.buf.b[c.w:])
	return c.took(n, err)
}

// AwaitFirst blocks like Fill, on an idle connection that holds nothing unread,
// and keeps no buffer while it waits, on TLS either: there it reads one byte.
func (c *Conn) AwaitFirst() error {
	if c.pending.can() || c.r != c.w {
		return c.Fill()
	}
	return c.awaitByte()
}

// awaitByte is AwaitFirst for one byte. A goroutine that only waits needs a
// stack of 2 KiB for it, the least there is, where a buffer taken beforehand
// would make it grow.
func (c *Conn) awaitByte() (err error) {
	c.Release()
	var n int
	var first [1]byte
	if c.pending.can() {
		n, first[0], err = c.pending.readByte()
	} else {
		n, err = c.c.Read(first[:])
	}
	if n > 0 {
		c.buf = takeBuffer(false)
		c.buf.b[0] = first[0]
	}
	return c.took(n, err)
}

// took accounts for n bytes that a read has put behind the unread ones. No bytes
// and no error are io.ErrNoProgress.
func (c *Conn) took(n int, err error) error {
	c.w += n
	if n > 0 {
		c.bulk = c.w == len(c.buf.b)
		return nil // an error that came along will come again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// makeRoom sees to it that something can be read behind the unread bytes.
func (c *Conn) makeRoom() {
	switch {
	case c.buf == nil:
		c.buf = takeBuffer(c.bulk)
	case c.r == c.w && c.bulk && len(c.buf.b) < bulkSize:
		c.buf.free()
		c.buf = takeBuffer(true)
	case c.w == len(c.buf.b) && c.r > 0:
		c.w = copy(c.buf.b, c.buf.b[c.r:c.w])
		c.r = 0
	case c.w == len(c.buf.b):
		next := &buffer{b: make([]byte, 2*len(c.buf.b))}
		copy(next.b, c.buf.b)
		c.buf.free()
		c.buf = next
	}
}

// Release gives back the read buffer if it holds nothing unread. Heads and
// Pieces are then gone.
func (c *Conn) Release() {
	if c.buf != nil && c.r == c.w {
		c.buf.free()
		c.buf, c.r, c.w = nil, 0, 0
		c.body.forgetPiece()
	}
}

// FindHead returns the complete head at the front of what was read, or nil
// when more must be filled in. It lives until the next Fill. A head longer
// than limit bytes is a 431.
func (c *Conn) FindHead(limit int) ([]byte, error) {
	unread := c.Unread()
	n, err := c.scan.find(unread[:min(len(unread), limit)])
	switch {
	case err != nil:
		return nil, err
	case n == 0 && len(unread) >= limit:
		return nil, errHeadTooLarge
	case n == 0:
		return nil, nil
	}
	c.scan = headScan{}
	head := c.buf.b[c.r : c.r+n]
	c.r += n
	return head, nil
}

var errHeadTooLarge = &Error{Status: 431, Reason: "a head that is too large"}

// SkipBlankLine drops one empty line before a request (RFC 9112 section 2.2).
func (c *Conn) SkipBlankLine() {
	if b := c.Unread(); len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		c.r += 2
		c.scan = headScan{}
	}
}

var longAgo = time.Unix(1, 0)

// Interrupt makes a read that waits, and every later one, fail with
// os.ErrDeadlineExceeded until SetReadDeadline.
func (c *Conn) Interrupt() { c.c.SetReadDeadline(longAgo) }

// SetReadDeadline bounds reads; the zero time means none.
func (c *Conn) SetReadDeadline(t time.Time) { c.c.SetReadDeadline(t) }

// IsTimeout reports a read or write that ended at a deadline or an Interrupt.
func IsTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// AwaitClose blocks until the peer has closed or reset the connection (true),
// or until Interrupt (false). What the peer sends meanwhile is kept for the
// next request. Once that is a buffer full, the rest is left unread. Linux still
// tells of the end behind it; elsewhere AwaitClose then returns false.
func (c *Conn) AwaitClose() bool {
	for c.Buffered() < readSize {
		var err error
		if c.Buffered() == 0 {
			err = c.awaitByte()
		} else {
			err = c.Fill()
		}
		if err != nil {
			return !IsTimeout(err)
		}
	}
	return c.awaitHangUp()
}

// Write sends all of b or fails. It blocks while the peer is slow.
func (c *Conn) Write(b []byte) error {
	_, err := c.c.Write(b)
	return err
}

// Converse sends a whole message and blocks until the answer begins. On a
// connection that was idle it looks first whether that is still good, as IsStale
// does: stale says that nothing was sent. A fresh one is not looked at: what is
// wrong with it would be wrong with the next one too.
func (c *Conn) Converse(message []byte, wasIdle bool) (stale bool, err error) {
	if c.pending.can() && c.Buffered() == 0 {
		c.Release()
		return c.pending.converse(message, wasIdle)
	}
	if wasIdle && c.IsStale() {
		return true, nil
	}
	if err := c.Write(message); err != nil {
		return false, err
	}
	return false, c.Fill()
}
