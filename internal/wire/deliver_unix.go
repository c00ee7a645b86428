//go:build unix

package wire

import "time"

// deliver is Deliver on a plain socket. All of it happens in one turn of the
// runtime's poller, in which every arrival wakes it: after a read that did not
// fill its buffer there is no need to look for more before the wait. That is a
// system call in three saved for each event of a stream.
//
// One thing would be missed, since the poller tells changes and not states: a
// close or a reset that came together with data. So the wait is bounded by a
// deadline, set coarsely, and after that the socket is looked at again. Once it
// was empty nothing can be missed any more, and a silent stream waits without.
func (p *pendingRead) deliver(to Receiver) error {
	p.to = to
	for !p.conn.body.done && p.failed == nil {
		if err := p.conn.raw.Read(p.eachFunc); err != nil {
			p.interrupted(err)
		}
	}
	p.unbound()
	err := p.failed
	p.to, p.failed = nil, nil
	return err
}

// interrupted handles a wait that ended without anything to read: at the coarse
// deadline, after which the socket is looked at again, or for good.
func (p *pendingRead) interrupted(err error) {
	if p.bounded && IsTimeout(err) {
		p.unbound()
		return
	}
	p.failed = p.conn.hand(p.to, Piece{}, err)
}

// each is called by the runtime's poller; false makes it wait for readability.
func (p *pendingRead) each(fd uintptr) bool {
	c := p.conn
	for {
		if c.Buffered() == 0 {
			c.Release()
			if !p.readNow(fd) {
				return false
			}
		}
		var piece Piece
		err := p.err
		if p.err = nil; err != nil {
			piece, err = c.endOfStream(err)
		} else {
			piece, err = c.NextBuffered()
		}
		p.failed = c.hand(p.to, piece, err)
		if p.failed != nil || c.body.done {
			return true
		}
		if !c.bulk {
			c.Release()
			p.bound()
			return false
		}
	}
}

// bound sets the coarse deadline unless it is in force.
func (p *pendingRead) bound() {
	if !p.bounded {
		p.bounded = true
		p.conn.SetReadDeadline(time.Now().Add(lookAgain))
	}
}

func (p *pendingRead) unbound() {
	if p.bounded {
		p.bounded = false
		p.conn.SetReadDeadline(time.Time{})
	}
}
