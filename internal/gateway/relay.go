package gateway

import (
	"time"

	"ai-gw-lite/internal/wire"
)

// relay sends the answer to the client as it comes: one read, one write. A
// body that breaks off is broken off towards the client too.
func (x *exchange) relay() error {
	h := &x.up.Head
	if h.Status == 101 {
		return x.tunnel()
	}
	if isStream(h) {
		x.endBudget()
	}
	if err := x.respond(h); err != nil {
		return err
	}
	for !x.up.BodyDone() {
		if err := x.relayPiece(); err != nil {
			return err
		}
	}
	x.whole = true
	return nil
}

// relayPiece passes on what one read brings.
func (x *exchange) relayPiece() (err error) {
	x.piece, err = x.up.Next()
	if werr := x.write(&x.piece); werr != nil {
		return werr
	}
	if err != nil {
		return x.broken(err)
	}
	return nil
}

// respond sends the head, and with it what has come of the body.
func (x *exchange) respond(h *wire.ResponseHead) error {
	res := &x.response
	*res = Response{Status: h.Status, Reason: h.Reason, Fields: x.takeFields(h), Framing: h.Framing, Unfinished: !x.uploaded.Load()}
	x.cors.apply(res)
	if !x.mayAnswer() {
		return x.causeOf()
	}
	x.outcome.Status = h.Status
	x.outcome.FirstByte = time.Since(x.outcome.Start)
	first, err := x.up.NextBuffered()
	x.answered, x.piece = true, first
	x.outcome.BytesOut += int64(first.Size())
	if werr := x.down.Respond(res, &x.piece); werr != nil {
		return x.clientBroke(werr)
	}
	if err != nil {
		return x.broken(err)
	}
	return nil
}

func (x *exchange) write(p *wire.Piece) error {
	n := p.Size()
	if n == 0 && !p.Last {
		return nil
	}
	x.outcome.BytesOut += int64(n)
	if err := x.down.Write(p); err != nil {
		return x.clientBroke(err)
	}
	return nil
}

// mayAnswer begins the answer: from here on an abort breaks it off. False says
// that the exchange has been aborted already.
func (x *exchange) mayAnswer() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tearing = true
	return x.cause == causeNone
}

// broken is the error of an answer whose upstream broke off.
func (x *exchange) broken(err error) error {
	if cause := x.causeOf(); cause != nil {
		return cause
	}
	x.outcome.End = UpstreamBroken
	return err
}

// clientBroke is the error of an answer that could not be sent.
func (x *exchange) clientBroke(err error) error {
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
