package gateway

import (
	"sync"
	"sync/atomic"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// sink is where a request's body goes: to the upstream that is being tried and,
// on a route that retries, on a tape from which another try can repeat it.
// Its lock is held while body bytes are written, so that a new try sends the
// tape before the next piece.
type sink struct {
	whole   atomic.Bool // the upstream got all of the request
	framing wire.Framing

	lock  sync.Mutex
	to    *upstream.Conn // nil: between tries, or this one takes no more
	tape  []byte         // the body so far, framed as it is sent
	limit int64          // of the tape, in bytes; 0: there is none
	torn  bool           // the body outgrew the tape
	ended bool           // the body's end has passed
}

// begin takes the first piece of the body, which goes out with the head.
func (s *sink) begin(f wire.Framing, first *wire.Piece, ended bool, r *config.Retry) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.framing, s.ended = f, ended
	if r.MaxAttempts > 1 {
		s.limit = r.MaxReplayBody
	}
	s.recordLocked(first)
}

// send begins the attempt's request. The message is its head, and with it the
// first piece of the body or, taped, all of the body so far.
func (s *sink) send(up *upstream.Conn, message *wire.Output, taped bool) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if taped {
		message.B = append(message.B, s.tape...)
	}
	err := up.Write(message.B)
	if err == nil {
		s.to = up
		s.whole.Store(s.ended)
	}
	return err
}

// write passes a piece on. False says that nobody wants more of the body.
func (s *sink) write(p *wire.Piece) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.recordLocked(p)
	s.ended = p.Last
	if s.to == nil {
		return s.limit > 0 && !s.torn
	}
	if s.to.WritePiece(p, s.framing) != nil {
		s.to = nil // an answer may have come first: reading it will tell
		return s.limit > 0 && !s.torn
	}
	if p.Last {
		s.whole.Store(true)
	}
	return true
}

func (s *sink) recordLocked(p *wire.Piece) {
	if s.limit == 0 || s.torn {
		return
	}
	s.tape = wire.AppendPiece(s.tape, p, s.framing)
	if int64(len(s.tape)) > s.limit {
		s.torn, s.tape = true, nil
	}
}

// canReplay reports whether all that was sent of the body can be sent again.
func (s *sink) canReplay() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return !s.torn
}

// leave ends the attempt; whole says that its request was sent to the end.
func (s *sink) leave() (whole bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.to = nil
	return s.whole.Swap(false)
}

// forgetTape says that there is no other try.
func (s *sink) forgetTape() {
	s.lock.Lock()
	s.limit, s.tape = 0, nil
	s.lock.Unlock()
}

func (s *sink) reset() {
	s.lock.Lock()
	s.whole.Store(false)
	s.to, s.tape, s.limit, s.torn, s.ended = nil, nil, 0, false, false
	s.lock.Unlock()
}
