//go:build unix

package wire

import (
	"io"
	"net"
	"os"
	"syscall"
)

func rawConn(c net.Conn) syscall.RawConn {
	if s, ok := underlying(c).(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// pendingRead reads a plain TCP socket without holding a buffer while there is
// nothing to read: it waits for readability first. Thousands of idle streams
// then cost their goroutines and no more.
type pendingRead struct {
	conn  *Conn
	read1 func(fd uintptr) bool // attempt, kept so that no read allocates
	step1 func(fd uintptr) bool // step
	byte1 func(fd uintptr) bool // attemptByte
	first [1]byte
	err   error

	// of deliver
	each1   func(fd uintptr) bool // each
	to      Receiver
	failed  error
	bounded bool // a deadline of deliver's own is in force

	// of converse
	message []byte
	stage   converseStage
	stale   bool
}

func (p *pendingRead) init(c *Conn) {
	p.conn = c
	p.read1, p.byte1, p.step1, p.each1 = p.attempt, p.attemptByte, p.step, p.each
}

func (p *pendingRead) can() bool { return p.read1 != nil }

// read blocks until a byte or an error has come. The connection must hold no buffer.
func (p *pendingRead) read() error {
	if err := p.conn.raw.Read(p.read1); err != nil {
		return err
	}
	err := p.err
	p.err = nil
	return err
}

// attempt is called by the runtime's poller; false makes it wait for readability.
func (p *pendingRead) attempt(fd uintptr) bool {
	c := p.conn
	b := takeBuffer(c.bulk)
	for {
		n, err := syscall.Read(int(fd), b.b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			b.free()
			return false
		case n > 0:
			c.buf, c.r, c.w = b, 0, n
			c.bulk = n == len(b.b)
			return true
		}
		b.free()
		p.end(err)
		return true
	}
}

// readByte is read for one byte and without a buffer.
func (p *pendingRead) readByte() (n int, b byte, err error) {
	if err := p.conn.raw.Read(p.byte1); err != nil {
		return 0, 0, err
	}
	if err, p.err = p.err, nil; err != nil {
		return 0, 0, err
	}
	return 1, p.first[0], nil
}

func (p *pendingRead) attemptByte(fd uintptr) bool {
	n, err := syscall.Read(int(fd), p.first[:])
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), p.first[:])
	}
	if err == syscall.EAGAIN {
		return false
	}
	if n <= 0 {
		p.end(err)
	}
	return true
}

// end notes how the peer's bytes ended.
func (p *pendingRead) end(err error) {
	if p.err = io.EOF; err != nil {
		p.err = os.NewSyscallError("read", err)
	}
}

// socketIsStale looks, without blocking, whether the peer has closed the socket
// or sent something on it.
func (c *Conn) socketIsStale() bool {
	if c.raw == nil {
		return false
	}
	stale := true
	var b [1]byte
	err := c.raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		stale = err != syscall.EAGAIN
	})
	return stale || err != nil
}
