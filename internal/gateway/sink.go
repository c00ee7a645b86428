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
// taped, so that another attempt can repeat it.
//
// The goroutine on the client's side writes, the exchange's own begins and ends
// attempts. The lock is not held while a connection is written to: an upstream
// that does not read may have answered all the same, and neither that answer
// nor another attempt may have to wait for it.
type sink struct {
	whole atomic.Bool // the upstream got all of the request

	lock    sync.Mutex
	changed sync.Cond // tells write that it need not wait any more
	framing wire.Framing
	message *wire.Output   // head and body so far, until it is sent
	head    int            // length of the head in it
	taped   bool           // the body is not in the message but on the tape
	begun   bool           // something was sent, or never will be
	ended   bool           // the body's end has passed
	closed  bool           // the exchange is over
	to      *upstream.Conn // gets each further piece; nil: between attempts, or this one takes no more
	feeding *upstream.Conn // is being sent what came so far: the next piece waits

	taping bool
	tape   []byte // the body's own bytes so far
	limit  int64  // of the tape, in bytes
	beyond bool   // the body is longer than that, as its Content-Length says
	torn   bool   // some was sent that is not on the tape: it cannot be repeated
	anew   bool   // the tape was sent, so what follows needs chunks of its own
}

const (
	gatherLimit = 64 << 10 // of what waits for its upstream, in bytes
	inlined     = 32 << 10 // of a tape that goes out with the head
)

// begin takes the head, which is in the message, and the first piece of the body.
func (s *sink) begin(message *wire.Output, req *wire.RequestHead, first *wire.Piece, ended bool, r *config.Retry) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.changed.L = &s.lock
	s.message, s.head, s.framing, s.ended = message, len(message.B), req.Framing, ended
	s.taping, s.limit = r.MaxAttempts > 1, r.MaxReplayBody
	s.beyond = req.Framing == wire.ByLength && req.Length > s.limit
	s.gather(first)
}

func (s *sink) gather(p *wire.Piece) {
	s.record(p)
	s.message.B = wire.AppendPiece(s.message.B, p, s.framing)
}

func (s *sink) record(p *wire.Piece) {
	if s.taping && !s.torn {
		for _, d := range p.Data {
			s.tape = append(s.tape, d...)
		}
	}
}

func (s *sink) overflows(size int) bool {
	return s.beyond || int64(len(s.tape)+size) > s.limit
}

// tear gives the tape up: a part of the body is sent for good.
func (s *sink) tear() { s.torn, s.tape = true, nil }

// compose puts the message together anew for another attempt, whose head
// appendHead appends.
func (s *sink) compose(appendHead func([]byte) []byte) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.begun {
		s.message.B = appendHead(s.message.B[:0])
		s.taped = true
		return
	}
	body := slices.Clone(s.message.B[s.head:])
	s.message.B = appendHead(s.message.B[:0])
	s.head = len(s.message.B)
	s.message.B = append(s.message.B, body...)
}

// send begins the attempt's request on a connection, with all that there is of it.
// Stale says that the connection was idle and is no good any more: nothing was
// sent. A whole request is sent and its answer awaited in one go. A long tape is
// not sent here: rest, if not nil, sends it, and the caller runs that beside the
// wait, since the answer may come before the end of the tape.
func (s *sink) send(up *upstream.Conn) (rest func(), stale bool, err error) {
	if up.Reused && !s.goesAtOnce() && up.IsStale() {
		return nil, true, nil
	}
	message, tape, ended := s.offer(up)
	if ended && tape == nil {
		stale, err = up.Converse(message, up.Reused)
	} else {
		err = up.Write(message)
	}
	if err == nil && tape != nil {
		return func() { s.sent(up, s.feed(up, tape, ended)) }, false, nil
	}
	if stale {
		s.leave()
		return nil, true, nil
	}
	s.sent(up, err)
	return nil, false, err
}

// goesAtOnce reports a request that Converse sends, which looks for itself.
func (s *sink) goesAtOnce() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.ended && !(s.taped && len(s.tape) > inlined)
}

// offer is what there is of the request: a message, and a tape to send after
// it. Until sent or leave nothing is added.
func (s *sink) offer(up *upstream.Conn) (message, tape []byte, ended bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.feeding = up
	switch {
	case !s.taped:
	case len(s.tape) > inlined:
		tape = s.tape
	default:
		p := wire.Piece{Data: [][]byte{s.tape}, Last: s.ended}
		s.message.B = wire.AppendPiece(s.message.B, &p, s.framing)
		s.taped = false
	}
	s.anew = s.anew || s.begun
	return s.message.B, tape, s.ended
}

// feed sends a tape, from which nobody takes anything away meanwhile.
func (s *sink) feed(up *upstream.Conn, tape []byte, ended bool) error {
	for len(tape) > 0 {
		n := min(len(tape), inlined)
		p := wire.Piece{Data: [][]byte{tape[:n]}, Last: ended && n == len(tape)}
		if err := up.WritePiece(&p, s.framing); err != nil {
			return err
		}
		tape = tape[n:]
	}
	return nil
}

// sent says that the upstream got what there was, or failed to.
func (s *sink) sent(up *upstream.Conn, err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.feeding != up {
		return // the attempt is over
	}
	s.feeding, s.begun = nil, true
	if len(s.tape) > 0 && s.overflows(0) {
		s.tear() // it was only kept until something was sent
	}
	if err == nil {
		s.to = up
		s.whole.Store(s.ended)
	}
	s.changed.Broadcast()
}

// write passes a piece on, or gathers it while nothing was sent yet. It waits
// where there is no place for the piece. False says that nobody wants more.
func (s *sink) write(p *wire.Piece) bool {
	to, anew, more := s.accept(p)
	if to == nil {
		return more
	}
	if anew {
		p = &wire.Piece{Data: p.Data, Last: p.Last}
	}
	err := to.WritePiece(p, s.framing)
	s.lock.Lock()
	defer s.lock.Unlock()
	switch {
	case s.to != to: // the attempt is over; the next one has the piece from the tape
	case err != nil:
		s.to = nil // an answer may have come first: reading it will tell
	case p.Last:
		s.whole.Store(true)
	}
	return s.to != nil || s.mayRepeat()
}

// accept takes a piece and says where it is to be sent at once, if anywhere,
// and whether in chunks of its own.
func (s *sink) accept(p *wire.Piece) (to *upstream.Conn, anew, more bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for !s.closed && s.hasNoPlace(p) {
		s.changed.Wait()
	}
	if s.closed {
		return nil, false, false
	}
	s.ended = p.Last
	if !s.begun {
		s.gather(p)
		return nil, false, true
	}
	if s.mayRepeat() && p.Size() > 0 && s.overflows(p.Size()) {
		s.tear()
	}
	s.record(p)
	return s.to, s.anew, s.to != nil || s.mayRepeat()
}

// hasNoPlace reports that a piece has to wait: for what came before it, for the
// head, or, as the tape has no room for it, for another attempt.
func (s *sink) hasNoPlace(p *wire.Piece) bool {
	switch {
	case s.feeding != nil:
		return true
	case !s.begun:
		return len(s.message.B) > gatherLimit
	}
	return s.to == nil && s.mayRepeat() && p.Size() > 0 && s.overflows(p.Size())
}

// mayRepeat reports that another attempt is possible, as far as the body goes.
func (s *sink) mayRepeat() bool { return s.taping && !s.torn }

// pause takes the body from the attempt's upstream, so that another can have all
// of it. False says that no other can; then nothing has changed.
func (s *sink) pause() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.begun && s.torn {
		return false
	}
	s.endAttempt()
	return true
}

func (s *sink) endAttempt() {
	s.to, s.feeding = nil, nil
	s.changed.Broadcast()
}

// leave ends the attempt; whole says that its request was sent to the end.
func (s *sink) leave() (whole bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.endAttempt()
	return s.whole.Swap(false)
}

// forget says that there is no other attempt, nor a first one if there was none:
// the message's memory is not used any more.
func (s *sink) forget() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.taping, s.tape = false, nil
	s.begun, s.message = true, nil
	s.changed.Broadcast()
}

// close ends a write that waits. One that is stuck in a connection is ended by
// aborting that.
func (s *sink) close() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.closed = true
	s.changed.Broadcast()
}

// reset empties the sink for the next exchange. Nobody else may use it.
func (s *sink) reset() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.whole.Store(false)
	s.message, s.head, s.to, s.feeding, s.tape = nil, 0, nil, nil, nil
	s.taped, s.begun, s.ended, s.closed = false, false, false, false
	s.taping, s.beyond, s.torn, s.anew = false, false, false, false
}
