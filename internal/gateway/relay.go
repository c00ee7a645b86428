package gateway

import (
	"time"

	"ai-gw-lite/internal/wire"
)

// relay sends the answer to the client as it comes: one read, one write. A
// body that breaks off is broken off towards the client too.
func (x *exchange) relay() error {
	if x.held != nil {
		return x.relayHeld()
	}
	h := &x.up.Head
	if h.Status == 101 {
		return x.tunnel()
	}
	stream := isStream(h)
	if stream {
		x.endBudget(x.target.idleTimeout)
	}
	var err error
	x.piece, err = x.up.NextBuffered()
	x.response.Stream = stream
	if err := x.respond(h, &x.piece); err != nil {
		return err
	}
	if err != nil {
		return x.broken(err)
	}
	if stream { // it may last: let go of what keeps a buffer alive
		x.response.Fields, h.Fields = nil, nil
		x.piece, x.response.Reason, h.Reason = wire.Piece{}, nil, nil
	}
	return x.relayRest()
}

func (x *exchange) relayRest() error {
	if err := x.up.Deliver(x); err != nil {
		return err
	}
	x.whole = true
	return nil
}

// Receive passes on what one read brought of the answer's body.
func (x *exchange) Receive(p *wire.Piece, broke error) error {
	if x.held != nil {
		p.Framed = nil // what came before it was framed anew
	}
	if err := x.write(p); err != nil {
		return err
	}
	if broke != nil {
		return x.broken(broke)
	}
	return nil
}

// relayHeld sends the answer that was kept while there were further attempts.
func (x *exchange) relayHeld() error {
	if x.response.Stream = isStream(&x.held.head); x.response.Stream {
		x.endBudget(x.target.idleTimeout)
	}
	x.piece = wire.Piece{Data: [][]byte{x.held.body}, Last: x.up == nil}
	if err := x.respond(&x.held.head, &x.piece); err != nil {
		return err
	}
	if x.up != nil {
		return x.relayRest()
	}
	x.whole = true
	return nil
}

// respond sends the head, and with it what has come of the body.
func (x *exchange) respond(h *wire.ResponseHead, first *wire.Piece) error {
	res := &x.response
	*res = Response{Status: h.Status, Reason: h.Reason, Fields: x.takeFields(h), Framing: h.Framing, Unfinished: !x.uploaded.Load(), Stream: res.Stream}
	if !x.mayAnswer() {
		return x.causeOf()
	}
	x.outcome.Status = h.Status
	x.answered = true
	if x.watcher != nil {
		x.watcher.ResponseHead(res) // before a content type that tells of usage is removed
	}
	x.strip(res)
	x.cors.apply(res)
	x.sign(res)
	x.sawResponse(first)
	if x.isGone() {
		return nil
	}
	last := h.Status != 101 && (x.up == nil || x.up.BodyDone())
	if last {
		x.lendSlots()
	}
	x.lastByte.Store(0)
	err := x.down.Respond(res, first)
	if last {
		x.releaseSlots()
	}
	x.heard()
	if err != nil {
		return x.clientBroke(err)
	}
	now := time.Now()
	x.answeredAt(now)
	x.outcome.Overhead += now.Sub(x.headAt)
	if first.Last {
		x.outcome.Duration = x.outcome.FirstByte
	}
	return nil
}

func (x *exchange) write(p *wire.Piece) error {
	if p.IsEmpty() {
		return nil
	}
	x.sawResponse(p)
	if x.left {
		x.heard()
		return nil
	}
	if p.Last {
		x.lendSlots()
	}
	x.lastByte.Store(0)
	err := x.down.Write(p)
	if p.Last {
		x.releaseSlots()
	}
	x.heard()
	if err != nil {
		return x.clientBroke(err)
	}
	return nil
}

// heard notes, for the idle timeout, that the stream has said something.
func (x *exchange) heard() {
	if x.target.idleTimeout > 0 {
		x.lastByte.Store(time.Now().UnixNano())
	}
}

// broken is the error of an answer whose upstream broke off.
func (x *exchange) broken(err error) error {
	if cause := x.causeOf(); cause != nil {
		return cause
	}
	x.outcome.End = UpstreamBroken
	return err
}

// clientBroke is the error of an answer that could not be sent; nil where it
// is read on all the same.
func (x *exchange) clientBroke(err error) error {
	if x.readsOn() {
		x.left = true
		return nil
	}
	if cause := x.causeOf(); cause != nil {
		return cause
	}
	x.outcome.End = ClientGone
	return err
}

// streamTypes are the content types whose answers may last as long as they
// like: the request budget ends with their head.
var streamTypes = [...]string{
	"text/event-stream",
	"application/x-ndjson",
	"application/jsonl",
	"application/vnd.amazon.eventstream",
}

func isStream(h *wire.ResponseHead) bool {
	for i := range h.Fields {
		if h.Fields[i].Known == wire.ContentType {
			return isStreamType(h.Fields[i].Value)
		}
	}
	return false
}

func isStreamType(contentType []byte) bool {
	for i, c := range contentType {
		if c == ';' {
			contentType = contentType[:i]
			break
		}
	}
	contentType = wire.TrimBlanks(contentType)
	for _, t := range streamTypes {
		if wire.EqualFold(contentType, t) {
			return true
		}
	}
	return false
}
