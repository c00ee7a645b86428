package wire

import (
	"crypto/tls"
	"time"
)

// IsStale looks, without blocking, whether an idle connection can still carry
// a request: its peer has neither closed it nor said anything unasked. It
// leaves the connection without a read deadline.
func (c *Conn) IsStale() bool {
	return c.Buffered() > 0 || c.socketIsStale() || c.tlsIsStale()
}

// tlsIsStale looks at what TLS has read ahead: a record that came in one
// segment with an answer's last one is not to be seen on the socket any more,
// and would be taken for the answer to the next request. A read whose time is
// over returns what is there already and asks the socket for nothing.
func (c *Conn) tlsIsStale() bool {
	if _, secure := c.c.(*tls.Conn); !secure {
		return false
	}
	c.Interrupt()
	var b [1]byte
	n, err := c.c.Read(b[:])
	c.SetReadDeadline(time.Time{})
	return n > 0 || !IsTimeout(err)
}
