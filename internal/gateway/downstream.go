package gateway

import (
	"errors"

	"ai-gw-lite/internal/wire"
)

// Downstream is a client's half of one exchange. HTTP/1.1 and HTTP/2 each
// implement it, and nothing in this package asks which.
//
// Head, NextBody and the like are called by one goroutine at a time, Respond
// and Write by one at a time; Interrupt and Abort by any. AwaitGone belongs to
// the first, or to a goroutine of its own where GoneShows.
type Downstream interface {
	// Head is the request's head. It lives until ReleaseHead.
	Head() *wire.RequestHead
	// ClientIP is the client's address as text, without a port.
	ClientIP() string

	// BufferedBody returns what has come of the body without blocking; an
	// empty piece says that nothing has. The piece lives until the next call.
	BufferedBody() (wire.Piece, error)
	// NextBody blocks for the next piece of the body.
	NextBody() (wire.Piece, error)
	// BodyDone reports that the body was read to its end, or that there is none.
	BodyDone() bool
	// ReleaseHead says that the head, and the pieces returned so far, are not
	// used any more.
	ReleaseHead()
	// AwaitGone blocks until the client has gone away (true) or Interrupt.
	AwaitGone() bool
	// GoneShows reports that a client's leave shows without reading its body:
	// AwaitGone may then wait beside NextBody, else only behind its end.
	GoneShows() bool
	// HasLeft reports, without blocking, that the client has closed or reset the
	// connection though its body is not read on, or that the connection was aborted;
	// false where that does not show.
	HasLeft() bool
	// Interrupt ends NextBody and AwaitGone, now and later.
	Interrupt()

	// Interim sends a 1xx answer, where the client's protocol knows it: else
	// sent is false.
	Interim(*Response) (sent bool, err error)
	// Respond sends the head of the answer together with the first piece of
	// its body, which may be empty.
	Respond(*Response, *wire.Piece) error
	// Write sends a further piece of the body. It blocks while the client is slow.
	Write(*wire.Piece) error
	// Abort breaks the exchange off so that what was sent does not look complete.
	Abort()

	// Cut reports that a drain has come to its end, and with it what was
	// still under way.
	Cut() bool

	// Tunnel gives the connection away, without deadlines, for a WebSocket
	// after a 101 was sent; nil where it is not offered.
	Tunnel() *wire.Conn
}

// ErrUploadStalled is a request body that brings no byte for too long.
var ErrUploadStalled = errors.New("the client's upload brings no bytes")
