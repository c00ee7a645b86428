package server

import (
	"errors"
	"net"
	"sync"
)

// feedListener is a listener whose connections are put into it.
type feedListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newFeedListener() *feedListener {
	return &feedListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// put reports whether somebody has taken the connection; else it is closed.
func (l *feedListener) put(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.done:
		c.Close()
		return false
	}
}

var errFeedClosed = errors.New("server: HTTP/2 entry closed")

func (l *feedListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, errFeedClosed
	}
}

func (l *feedListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *feedListener) Addr() net.Addr { return &net.TCPAddr{} }

// replayedConn is a connection whose first bytes were read already.
type replayedConn struct {
	net.Conn
	start []byte
}

func (c *replayedConn) Read(p []byte) (int, error) {
	if len(c.start) > 0 {
		n := copy(p, c.start)
		c.start = c.start[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
