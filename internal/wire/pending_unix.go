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
	first [1]byte // what readByte has read
	err   error

	// What the poller calls: methods below, bound once so that no read allocates.
	readFunc func(fd uintptr) bool // readNow
	byteFunc func(fd uintptr) bool // readByteNow
	stepFunc func(fd uintptr) bool // step
	eachFunc func(fd uintptr) bool // each

	// of deliver
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
	p.readFunc, p.byteFunc, p.stepFunc, p.eachFunc = p.readNow, p.readByteNow, p.step, p.each
}

func (p *pendingRead) can() bool { return p.readFunc != nil }

// read blocks until a byte or an error has come. The connection must hold no buffer.
func (p *pendingRead) read() error {
	if err := p.conn.raw.Read(p.readFunc); err != nil {
		return err
	}
	err := p.err
	p.err = nil
	return err
}

// readNow is called by the runtime's poller; false makes it wait for readability.
func (p *pendingRead) readNow(fd uintptr) bool {
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
	if err := p.conn.raw.Read(p.byteFunc); err != nil {
		return 0, 0, err
	}
	if err, p.err = p.err, nil; err != nil {
		return 0, 0, err
	}
	return 1, p.first[0], nil
}

// readByteNow is readNow for readByte.
func (p *pendingRead) readByteNow(fd uintptr) bool {
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

// end notes why nothing more will come: the peer has closed (a nil err), or the
// read failed.
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
