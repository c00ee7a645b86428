package wire

import (
	"errors"
	"net"
	"time"
)

// ErrStalled is a peer that took no byte for as long as it was given.
var ErrStalled = errors.New("the peer takes no bytes")

// PatientConn is a TCP connection whose writes fail with ErrStalled once the
// peer has taken no byte for a while although there is something to send; TLS
// may run on top. Deadlines are set coarsely: a write in good time costs none,
// and a stalled peer may be given up to a tenth more than its due.
type PatientConn struct {
	*net.TCPConn
	limit time.Duration
	armed time.Time // the write deadline in force
}

// Patient wraps c, giving its peer limit to take a byte.
func Patient(c *net.TCPConn, limit time.Duration) *PatientConn {
	return &PatientConn{TCPConn: c, limit: limit}
}

// Write sends all of b or fails. It blocks while the peer is slow.
func (p *PatientConn) Write(b []byte) (int, error) {
	if now := time.Now(); p.armed.Sub(now) < p.limit {
		p.armed = now.Add(p.limit + p.limit/10)
		p.SetWriteDeadline(p.armed)
	}
	n, err := p.TCPConn.Write(b)
	switch {
	case err == nil || !IsTimeout(err):
		return n, err
	case n == 0:
		return 0, ErrStalled
	}
	return p.writeSlowly(b, n)
}

// writeSlowly goes on behind the first sent bytes, in tenths of the limit, for
// as long as the peer takes something.
func (p *PatientConn) writeSlowly(b []byte, sent int) (int, error) {
	for idle := 0; idle < 10; idle++ {
		p.SetWriteDeadline(time.Now().Add(p.limit / 10))
		n, err := p.TCPConn.Write(b[sent:])
		sent += n
		if err == nil || !IsTimeout(err) {
			p.armed = time.Time{}
			return sent, err
		}
		if n > 0 {
			idle = -1
		}
	}
	return sent, ErrStalled
}
