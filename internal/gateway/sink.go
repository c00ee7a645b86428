package gateway

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// sink is where a request goes. Until something was sent, the body gathers
// behind the head; then each piece is passed on and, on a route that retries,
// taped, so that another try can repeat it.
type sink struct {
	whole atomic.Bool // the upstream got all of the request

	// sending is held by who sends, before lock: a new try sends the tape before
	// the next piece. An upstream that answers and reads no more can keep it for
	// as long as its connection lives.
	sending sync.Mutex

	lock     sync.Mutex // over all below; never held while a piece is written
	framing  wire.Framing
	message  *wire.Output   // head and body so far, until it is sent
	head     int            // length of the head in it
	headOnly bool           // the body is not in the message but on the tape
	begun    bool           // something was sent, or never will be
	ended    bool           // the body's end has passed
	to       *upstream.Conn // nil: between tries, or this one takes no more
	taping   bool
	tape     []byte // the body so far, framed as it is sent
	limit    int64  // of the tape, in bytes
	torn     bool   // the body outgrew the tape
}

// gatherLimit bounds the part of a request that waits for its upstream, in bytes.
const gatherLimit = 64 << 10

// wish is what a sink says of the pieces to come.
type wish uint8

const (
	more   wish = iota
	full        // none until the head was sent
	enough      // none at all
)

// begin takes the head, which is in the message, and the first piece of the body.
func (s *sink) begin(message *wire.Output, f wire.Framing, first *wire.Piece, ended bool, r *config.Retry) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.message, s.head, s.framing, s.ended = message, len(message.B), f, ended
	s.taping, s.limit = r.MaxAttempts > 1, r.MaxReplayBody
	s.gather(first)
}

// write passes a piece on, or gathers it while nothing was sent yet.
func (s *sink) write(p *wire.Piece) wish {
	s.sending.Lock()
	defer s.sending.Unlock()
	to, w := s.take(p)
	if to == nil {
		return w
	}
	return s.passed(p, to, to.WritePiece(p, s.framing))
}

// take finds the connection that a piece goes to; nil says that it is taken
// care of.
func (s *sink) take(p *wire.Piece) (to *upstream.Conn, w wish) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.ended = p.Last
	if !s.begun {
		return nil, s.gather(p)
	}
	s.record(p)
	return s.to, s.wishLocked()
}

// passed notes how it went. The try may have been left meanwhile.
func (s *sink) passed(p *wire.Piece, to *upstream.Conn, err error) wish {
	s.lock.Lock()
	defer s.lock.Unlock()
	if err == nil && s.to == to {
		s.whole.Store(p.Last)
		return more
	}
	s.to = nil // an answer may have come first: reading it will tell
	return s.wishLocked()
}

// wishLocked is what is wished for when no connection takes the body.
func (s *sink) wishLocked() wish {
	if s.taping && !s.torn {
		return more // for another try
	}
	return enough
}

func (s *sink) gather(p *wire.Piece) wish {
	s.record(p)
	s.message.B = wire.AppendPiece(s.message.B, p, s.framing)
	if len(s.message.B) > gatherLimit && !p.Last {
		return full
	}
	return more
}

func (s *sink) record(p *wire.Piece) {
	if !s.taping || s.torn {
		return
	}
	s.tape = wire.AppendPiece(s.tape, p, s.framing)
	if int64(len(s.tape)) > s.limit {
		s.torn, s.tape = true, nil
	}
}

// compose puts the message together anew for another try, whose head the
// function appends.
func (s *sink) compose(appendHead func([]byte) []byte) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.begun {
		s.message.B = appendHead(s.message.B[:0])
		s.headOnly = true
		return
	}
	body := slices.Clone(s.message.B[s.head:])
	s.message.B = appendHead(s.message.B[:0])
	s.head = len(s.message.B)
	s.message.B = append(s.message.B, body...)
}

// errTorn ends a try that would send a body with a gap.
var errTorn = errors.New("the request's body has outgrown retry.max_replay_body_bytes")

// send begins the try's request on a connection, with all that there is of it.
// Stale says that the connection was idle and is no good any more: nothing was
// sent. A whole request is sent and its answer awaited in one go.
func (s *sink) send(up *upstream.Conn) (stale bool, err error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	message, whole, err := s.open(up)
	switch {
	case err != nil:
		return false, err
	case message == nil:
		return true, nil
	case whole:
		return up.Converse(message, up.Reused)
	}
	return false, s.opened(up, up.Write(message))
}

// open takes the message. From here on pieces go to a connection or on the
// tape; where there is none to send on, nil, they still gather.
func (s *sink) open(up *upstream.Conn) (message []byte, whole bool, err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if !s.ended && up.Reused && up.IsStale() {
		return nil, false, nil
	}
	if s.headOnly {
		if s.torn {
			return nil, false, errTorn
		}
		s.message.B = append(s.message.B, s.tape...)
		s.headOnly = false
	}
	s.begun = true
	s.whole.Store(s.ended)
	return s.message.B, s.ended, nil
}

func (s *sink) opened(up *upstream.Conn, err error) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if err == nil {
		s.to = up
	}
	return err
}

// hasBegun reports that the head was sent, or never will be.
func (s *sink) hasBegun() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.begun
}

// canReplay reports whether all that came of the body can still be sent.
func (s *sink) canReplay() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return !s.begun || !s.torn
}

// leave ends the try; whole says that its request was sent to the end.
func (s *sink) leave() (whole bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.to = nil
	return s.whole.Swap(false)
}

// forget says that there is no other try, nor a first one if there was none:
// the message's memory is not used any more.
func (s *sink) forget() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.taping, s.tape = false, nil
	s.begun, s.message = true, nil
}

// reset empties the sink for the next exchange. Nobody else may use it.
func (s *sink) reset() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.whole.Store(false)
	s.message, s.head, s.headOnly, s.begun, s.ended = nil, 0, false, false, false
	s.to, s.taping, s.tape, s.torn = nil, false, nil, false
}
