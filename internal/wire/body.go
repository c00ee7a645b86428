package wire

import (
	"io"
	"net"
)

// Piece is what one read brought of a body. Its slices alias the connection's
// buffer and live until the next read or Release.
type Piece struct {
	Data   [][]byte // the body's own bytes, in order
	Framed []byte   // the same bytes in clean chunk framing; nil unless the body came chunked
	Last   bool     // the body ends here
}

// Size is the number of the body's own bytes.
func (p *Piece) Size() (n int) {
	for _, d := range p.Data {
		n += len(d)
	}
	return n
}

// IsEmpty reports that there is nothing to pass on. A piece without data may
// still hold a part of the chunk framing.
func (p *Piece) IsEmpty() bool {
	return len(p.Data) == 0 && len(p.Framed) == 0 && !p.Last
}

// body follows a message body on a connection.
type body struct {
	framing Framing
	left    int64 // for ByLength
	chunked chunked
	done    bool
	data    [][]byte // Piece.Data, reused
	piece   Piece    // what is handed to a Receiver
}

// keptChunks bounds the chunks of one Piece for which room is kept: more than
// a buffer full of events has.
const keptChunks = 256

// ExpectBody says which body follows the head that was just found.
func (c *Conn) ExpectBody(f Framing, length int64) {
	c.body = body{framing: f, left: length, data: c.body.data[:0]}
	c.body.done = f == NoBody || f == ByLength && length == 0
}

// BodyDone reports that the body has been read to its end.
func (c *Conn) BodyDone() bool { return c.body.done }

// BodyLeft is how much of a body ByLength is still to come, -1 for others.
func (c *Conn) BodyLeft() int64 {
	if c.body.framing == ByLength {
		return c.body.left
	}
	return -1
}

// Next blocks for the next piece of the body. io.ErrUnexpectedEOF means that
// the body broke off, a *Error that its framing did.
func (c *Conn) Next() (Piece, error) {
	if c.body.done {
		return Piece{}, io.EOF
	}
	if c.Buffered() == 0 {
		if err := c.Fill(); err != nil {
			return c.endOfStream(err)
		}
	}
	return c.NextBuffered()
}

// NextBuffered is Next for what is here already; an empty Piece says that
// there was nothing.
func (c *Conn) NextBuffered() (Piece, error) {
	b := &c.body
	if b.done || c.Buffered() == 0 {
		return Piece{}, nil
	}
	unread := c.Unread()
	b.data = b.data[:0]
	switch b.framing {
	case ByChunks:
		out, data, used, err := b.chunked.clean(unread, b.data)
		b.data = data
		c.r += used
		b.done = b.chunked.state == ended
		return Piece{Data: data, Framed: out, Last: b.done}, err
	case ByLength:
		if int64(len(unread)) > b.left {
			unread = unread[:b.left]
		}
		b.left -= int64(len(unread))
		b.done = b.left == 0
	}
	c.r += len(unread)
	b.data = append(b.data, unread)
	return Piece{Data: b.data, Last: b.done}, nil
}

// forgetPiece lets go of the buffer that the last Piece aliases, so that an
// idle connection keeps none alive, and of the room for a Piece of tiny chunks.
func (b *body) forgetPiece() {
	if cap(b.data) > keptChunks {
		b.data = nil
	}
	clear(b.data[:cap(b.data)])
}

func (c *Conn) endOfStream(err error) (Piece, error) {
	if c.shut.Load() {
		return Piece{}, net.ErrClosed // it reads as if the peer had closed it
	}
	if err != io.EOF {
		return Piece{}, err
	}
	if c.body.framing == UntilClose {
		c.body.done = true
		return Piece{Last: true}, nil
	}
	return Piece{}, io.ErrUnexpectedEOF
}
