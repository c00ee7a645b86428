package gateway

import (
	"time"

	"ai-gw-lite/internal/wire"
)

// Observer follows exchanges, refused ones included. It sees bytes as they are
// relayed, may not change or keep them, and must not block: one that cannot
// keep up gives up.
type Observer interface {
	// Begin is called once an exchange is admitted, or when it was refused
	// before that, and returns what follows it from there; nil for nothing.
	Begin(Beginning) Watch
}

// Watch follows one exchange. End is called last, once; the others while the
// exchange goes on, RequestBytes from a goroutine of its own.
type Watch interface {
	// Attempt says which upstream and key the request goes to now.
	Attempt(upstream, key string)
	// RequestBytes is a piece of the request's body as it goes upstream.
	RequestBytes(p []byte)
	// ResponseHead is the head of the answer, before what its route removes and
	// adds. It is not to be kept.
	ResponseHead(*Response)
	// ResponseBytes is a piece of the answer's body as it goes to the client.
	ResponseBytes(p []byte)
	// End is how the exchange went. The outcome is not to be kept.
	End(*Outcome)
}

// Beginning is what is known of an exchange when it begins to be followed. What
// Head points to is not to be kept.
type Beginning struct {
	Head      *wire.RequestHead
	Method    string
	RequestID string // empty: request ids are off
	IDSent    bool   // the client chose it: it may say anything
	Trace     *Trace // nil: tracing is off
	Client    string // address
	Route     string // empty: none matched
	Token     string // the token's name; empty: not known
	Start     time.Time
}

// begin lets the observer follow the exchange from here on.
func (x *exchange) begin() {
	if x.begun = true; x.gw.observer == nil {
		return
	}
	b := Beginning{Head: x.down.Head(), Method: x.outcome.Method, RequestID: x.requestID, IDSent: x.idSent, Trace: x.trace, Client: x.down.ClientIP(), Start: x.outcome.Start}
	if x.route != nil {
		b.Route = x.route.id
	}
	if x.caller != nil {
		b.Token = x.caller.name
	}
	x.watcher = x.gw.observer.Begin(b)
}

// sawRequest shows the observer a piece of the request's body.
func (x *exchange) sawRequest(p *wire.Piece) {
	for _, d := range p.Data {
		x.bytesIn.Add(int64(len(d)))
		if x.watcher != nil {
			x.watcher.RequestBytes(d)
		}
	}
}

// sawResponse shows the observer a piece of the answer's body.
func (x *exchange) sawResponse(p *wire.Piece) {
	for _, d := range p.Data {
		x.outcome.BytesOut += int64(len(d))
		if x.watcher != nil {
			x.watcher.ResponseBytes(d)
		}
	}
}
