package wire

import "net"

// CloseWrite ends the sending side, so that the peer reads to the end of what
// was sent before it learns of a close.
func (c *Conn) CloseWrite() error {
	if h, ok := c.c.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return nil
}

// Close ends the connection in good order. Reads and writes that wait fail.
func (c *Conn) Close() error { return c.c.Close() }

// Abort ends the connection so that what was sent does not look complete:
// TLS gets no close_notify.
func (c *Conn) Abort() { underlying(c.c).Close() }

// Shut makes writes fail, those that wait included, and tells the peer at once.
// On plain TCP reads still return what has come, so a body may reach its end, and
// then fail; over TLS they fail at once. The connection must carry no other
// exchange. Shut does not block; Close, Abort or Reset must follow.
func (c *Conn) Shut() {
	c.shut.Store(true)
	if !c.pending.can() {
		c.Abort()
		return
	}
	if h, ok := c.c.(interface{ CloseRead() error }); ok {
		h.CloseRead()
	}
	c.CloseWrite()
}

// Reset ends the connection with a TCP reset, for a body whose end would
// otherwise be the connection's end.
func (c *Conn) Reset() {
	u := underlying(c.c)
	if t, ok := u.(interface{ SetLinger(int) error }); ok {
		t.SetLinger(0)
	}
	u.Close()
}

// Discard gives the read buffer back whatever it holds. Nothing may read the
// connection any more.
func (c *Conn) Discard() {
	c.r = c.w
	c.Release()
}

// underlying is the TCP connection below any TLS: an https proxy makes two.
func underlying(c net.Conn) net.Conn {
	for {
		upon, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = upon.NetConn()
	}
}
