package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"
)

// errWouldBlock says that a socket has nothing to give or no room. It is a
// temporary net.Error, so that crypto/tls carries on after it.
var errWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "would block" }
func (wouldBlock) Timeout() bool   { return false }
func (wouldBlock) Temporary() bool { return true }

// sock is a TCP connection by its bare descriptor, with TLS on top if tls is
// set. It blocks while it connects and shakes hands, and not afterwards.
type sock struct {
	fd  int
	tls *tls.Conn
}

// dial connects to addr; from, if valid, is the source address. A nil conf
// means plain TCP.
func dial(addr netip.AddrPort, from netip.Addr, conf *tls.Config) (*sock, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	s := &sock{fd: fd}
	if err := s.connect(addr, from, conf); err != nil {
		s.close()
		return nil, fmt.Errorf("connect %s: %w", addr, err)
	}
	return s, nil
}

func (s *sock) connect(addr netip.AddrPort, from netip.Addr, conf *tls.Config) error {
	const ipBindAddressNoPort = 24 // the port is chosen at connect, per destination
	timeout := syscall.NsecToTimeval(int64(10 * time.Second))
	syscall.SetsockoptTimeval(s.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout)
	syscall.SetsockoptTimeval(s.fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &timeout)
	syscall.SetsockoptInt(s.fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if from.IsValid() {
		syscall.SetsockoptInt(s.fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
		if err := syscall.Bind(s.fd, &syscall.SockaddrInet4{Addr: from.As4()}); err != nil {
			return err
		}
	}
	if err := syscall.Connect(s.fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return err
	}
	if conf != nil {
		s.tls = tls.Client(blocking{s.fd}, conf)
		if err := s.tls.Handshake(); err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
	}
	return syscall.SetNonblock(s.fd, true)
}

// read fills p: (n, nil), (0, io.EOF), (0, errWouldBlock) or a failure.
func (s *sock) read(p []byte) (int, error) {
	if s.tls == nil {
		return readFD(s.fd, p)
	}
	n, err := s.tls.Read(p)
	if n > 0 {
		return n, nil
	}
	if errors.Is(err, errWouldBlock) {
		return 0, errWouldBlock
	}
	return 0, err
}

// drained reports whether a read of n into a buffer of size can have been the
// last for now. TLS may hold further records that epoll knows nothing of.
func (s *sock) drained(n, size int) bool { return s.tls == nil && n < size }

// write sends what fits: n < len(p) with errWouldBlock when the socket is
// full. Over TLS it sends everything, waiting if it must.
func (s *sock) write(p []byte) (int, error) {
	if s.tls == nil {
		return writeFD(s.fd, p)
	}
	return s.tls.Write(p)
}

func (s *sock) close() { syscall.Close(s.fd) }

// reset closes with a RST, which leaves no TIME_WAIT behind.
func (s *sock) reset() {
	resetFD(s.fd)
}

func resetFD(fd int) {
	syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	syscall.Close(fd)
}

func readFD(fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
		return 0, errWouldBlock
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	return int(n), nil
}

func writeFD(fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
		return 0, errWouldBlock
	case errno != 0:
		return 0, errno
	case int(n) < len(p):
		return int(n), errWouldBlock
	}
	return int(n), nil
}

// blocking is the net.Conn below crypto/tls. Reads return errWouldBlock once
// the descriptor is non-blocking; writes wait for room.
type blocking struct{ fd int }

func (c blocking) Read(p []byte) (int, error) {
	n, err := syscall.Read(c.fd, p)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return 0, errWouldBlock
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (c blocking) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := writeFD(c.fd, p[sent:])
		sent += n
		if err == errWouldBlock {
			time.Sleep(100 * time.Microsecond) // requests are small: never in practice
			continue
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (blocking) Close() error                     { return nil }
func (blocking) LocalAddr() net.Addr              { return nil }
func (blocking) RemoteAddr() net.Addr             { return nil }
func (blocking) SetDeadline(time.Time) error      { return nil }
func (blocking) SetReadDeadline(time.Time) error  { return nil }
func (blocking) SetWriteDeadline(time.Time) error { return nil }

// listen opens a listening socket on a free port of 127.0.0.1.
func listen() (fd int, addr netip.AddrPort, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, addr, fmt.Errorf("socket: %w", err)
	}
	loopback := [4]byte{127, 0, 0, 1}
	if err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: loopback}); err == nil {
		err = syscall.Listen(fd, 4096)
	}
	var sa syscall.Sockaddr
	if err == nil {
		sa, err = syscall.Getsockname(fd)
	}
	if err != nil {
		syscall.Close(fd)
		return 0, addr, fmt.Errorf("listen: %w", err)
	}
	return fd, netip.AddrPortFrom(netip.AddrFrom4(loopback), uint16(sa.(*syscall.SockaddrInet4).Port)), nil
}

// freePort finds a port for a proxy to listen on.
func freePort() (netip.AddrPort, error) {
	fd, addr, err := listen()
	if err == nil {
		syscall.Close(fd)
	}
	return addr, err
}
