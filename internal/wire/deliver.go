package wire

import "time"

// lookAgain is how long it may take until an end is noticed that came together
// with data.
const lookAgain = 100 * time.Millisecond

// Receiver takes a body as it comes.
type Receiver interface {
	// Receive takes what one read brought and, if the body broke off behind
	// it, why. The piece lives until Receive returns; an error ends the delivery.
	// It may block; meanwhile nothing is read.
	Receive(p *Piece, broke error) error
}

// Deliver blocks until the receiver has got all that is left of the body, or
// until it fails. It is Next again and again, for a body that may last: on a
// plain socket it does not look for more where there can be none.
//
// Until it returns, the connection may be ended by Shut but not by Close or
// Abort, which would wait for the receiver.
func (c *Conn) Deliver(to Receiver) error {
	if c.pending.can() && c.body.framing != UntilClose { // whose end is what would come late
		return c.pending.deliver(to)
	}
	for !c.body.done {
		if err := c.deliverNext(to); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) deliverNext(to Receiver) error {
	p, err := c.Next()
	return c.hand(to, p, err)
}

// hand gives the receiver a piece out of the connection's own memory, so that
// none is allocated for each.
func (c *Conn) hand(to Receiver, p Piece, broke error) error {
	c.body.piece = p
	err := to.Receive(&c.body.piece, broke)
	c.body.piece = Piece{}
	if err == nil {
		err = broke
	}
	return err
}
