package upstream

import (
	"errors"
	"net"
	"time"

	"ai-gw-lite/internal/wire"
)

// Conn is a connection to an upstream that carries one exchange at a time.
type Conn struct {
	*wire.Conn
	Head   wire.ResponseHead // of the response that is being read
	Reused bool              // it has carried an exchange before

	pool      *Pool
	idleSince time.Time
}

func newConn(p *Pool, nc net.Conn) *Conn {
	return &Conn{Conn: wire.NewConn(nc), pool: p}
}

var errNoResponse = errors.New("an answer that is no HTTP/1.1")

// ReadHead blocks for the next response head, interim ones included, parses it
// into Head and makes ready for its body. Head lives until the body is read.
// Silent reports a connection that ended before any byte of an answer.
func (c *Conn) ReadHead(toHead bool) (silent bool, err error) {
	for {
		head, err := c.FindHead(wire.MaxResponseHead)
		if err != nil {
			return false, err
		}
		if head != nil {
			if err := wire.ParseResponse(head, &c.Head, toHead); err != nil {
				return false, err
			}
			c.ExpectBody(c.Head.Framing, c.Head.Length)
			return false, nil
		}
		if !wire.CouldBeResponse(c.Unread()) {
			return false, errNoResponse
		}
		if err := c.Fill(); err != nil {
			return c.Buffered() == 0, err
		}
	}
}

// Release gives the connection back after an exchange whose request was sent
// whole: to the pool if both sides can go on, else it is closed.
func (c *Conn) Release() {
	if c.Head.Close || !c.BodyDone() || c.Buffered() > 0 || c.Head.Status == 101 {
		c.Close()
		return
	}
	c.Conn.Release()
	c.pool.put(c)
}

// EndWrites makes writes fail, one that waits included, while reading goes on.
func (c *Conn) EndWrites() { c.NetConn().SetWriteDeadline(time.Unix(1, 0)) }

// Close ends the connection at once, without the alert that TLS might block
// on; what it holds is given back.
func (c *Conn) Close() {
	c.Conn.Abort()
	c.Conn.Discard()
}
