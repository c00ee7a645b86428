//go:build !unix

package wire

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

// pendingRead is not to be had here: a waiting read holds its buffer.
type pendingRead struct{}

func (*pendingRead) init(*Conn)  {}
func (*pendingRead) can() bool   { return false }
func (*pendingRead) read() error { return nil }

func (*pendingRead) readByte() (n int, b byte, err error) { return 0, 0, nil }

func (*pendingRead) deliver(Receiver) error { return nil }

func (*pendingRead) converse([]byte, bool) (stale bool, err error) { return false, nil }

// socketIsStale cannot look without blocking here; a stale connection shows
// when it is used.
func (c *Conn) socketIsStale() bool { return false }
