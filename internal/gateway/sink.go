package gateway

import (
	"slices"
	"sync"
	"sync/atomic"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// sink is where a request goes. Until something was sent, the body gathers
// behind the head; then each piece is passed on and, on a route that retries,
// taped, so that another try can repeat it. The lock is held while body bytes
// are written: a new try sends the tape before the next piece.
type sink struct {
	whole atomic.Bool // the upstream got all of the request

	lock     sync.Mutex
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
	s.lock.Lock()
	defer s.lock.Unlock()
	s.ended = p.Last
	if !s.begun {
		return s.gather(p)
	}
	s.record(p)
	if s.to != nil && s.to.WritePiece(p, s.framing) == nil {
		s.whole.Store(p.Last)
		return more
	}
	s.to = nil // an answer may have come first: reading it will tell
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

// send begins the try's request on a connection, with all that there is of it.
// Stale says that the connection was idle and is no good any more: nothing was
// sent. A whole request is sent and its answer awaited in one go.
func (s *sink) send(up *upstream.Conn) (stale bool, err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.headOnly {
		s.message.B = append(s.message.B, s.tape...)
		s.headOnly = false
	}
	s.begun = true
	if s.ended {
		s.whole.Store(true)
		return up.Converse(s.message.B, up.Reused)
	}
	if up.Reused && up.IsStale() {
		return true, nil
	}
	if err = up.Write(s.message.B); err == nil {
		s.to = up
	}
	return false, err
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
