package wire

import (
	"errors"
	"net"
	"sync"
	"time"
)

// ErrStalled is a peer that took no byte for as long as it was given.
var ErrStalled = errors.New("the peer takes no bytes")

// PatientConn is a TCP connection whose writes fail with ErrStalled once the
// peer has taken no byte for a while although there is something to send; TLS
// may run on top.
type PatientConn struct {
	*net.TCPConn
	out patientWriter
}

// Patient wraps c, giving its peer limit to take a byte.
func Patient(c *net.TCPConn, limit time.Duration) *PatientConn {
	return &PatientConn{TCPConn: c, out: patientWriter{to: c, limit: limit}}
}

// Write sends all of b or fails. It blocks while the peer is slow.
func (p *PatientConn) Write(b []byte) (int, error) { return p.out.Write(b) }

// SetWriteDeadline bounds writes by a time of the caller's own, as TLS does for
// its last alert. It holds instead of the limit until a zero time takes it back.
func (p *PatientConn) SetWriteDeadline(t time.Time) error { return p.out.setDeadline(t) }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (p *PatientConn) SetDeadline(t time.Time) error {
	if err := p.SetReadDeadline(t); err != nil {
		return err
	}
	return p.SetWriteDeadline(t)
}

// patientWriter moves a write deadline along for as long as the peer takes
// something. It does so coarsely: a write in good time costs none, and a
// stalled peer may be given up to a fifth more than its due.
type patientWriter struct {
	to interface {
		Write([]byte) (int, error)
		SetWriteDeadline(time.Time) error
	}
	limit time.Duration

	mu     sync.Mutex
	armed  time.Time // our deadline in force
	theirs bool      // somebody else's is in force
}

// Write tells from deadlines that pass whether the peer takes something. When
// the first passes, bytes may have been taken at any time since Write began,
// so the limit is counted from there, in fifths.
func (w *patientWriter) Write(b []byte) (sent int, err error) {
	for idle := -1; idle < 5; {
		ours := w.arm()
		n, err := w.to.Write(b[sent:])
		sent += n
		if err == nil || !ours || !IsTimeout(err) {
			return sent, err
		}
		if idle++; n > 0 {
			idle = 0
		}
	}
	return sent, ErrStalled
}

// arm puts our deadline off if it comes soon. False says that another is in force.
func (w *patientWriter) arm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.theirs {
		return false
	}
	if now := time.Now(); w.armed.Sub(now) < w.limit/10 {
		w.armed = now.Add(w.limit / 5)
		w.to.SetWriteDeadline(w.armed)
	}
	return true
}

func (w *patientWriter) setDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed, w.theirs = time.Time{}, !t.IsZero()
	return w.to.SetWriteDeadline(t)
}
