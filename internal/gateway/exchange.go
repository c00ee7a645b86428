package gateway

import (
	"fmt"
	"sync"
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/limit"
	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// steps is an exchange's way through the gateway.
var steps = [...]struct {
	name string
	run  func(*exchange) error
}{
	{"match", (*exchange).match},
	{"cors", (*exchange).checkOrigin},
	{"authenticate", (*exchange).authenticate},
	{"limit", (*exchange).limit},
	{"admit", (*exchange).admit},
	{"rewrite", (*exchange).rewrite},
	{"choose", (*exchange).choose},
	{"forward", (*exchange).forward},
	{"relay", (*exchange).relay},
}

// exchange is one request and its answer. Exchanges are pooled: takeExchange
// makes one ready, account gives it back.
type exchange struct {
	task
	clock
	scratch
	sink sink
}

// scratch is memory that is used again from one exchange to the next.
type scratch struct {
	targetOptions, keyOptions []balance.Option
	attempts                  [2]Attempt
	idText                    []byte // the request id as the answer's head has it
}

// task is what the exchange's own goroutine knows of it.
type task struct {
	gw   *Gateway
	snap *Snapshot
	down Downstream
	req  *wire.RequestHead

	route     *route
	caller    *principal
	presented []byte // the token as sent: no header with that value goes upstream
	cors      corsReply
	place     limit.Place
	placed    bool // place is taken
	admitted  bool // a downstream slot is held

	session        string // the value of the affinity header; empty: no session
	pinned         string // where the session was when this request was sent
	wantsWebSocket bool
	target         *target // the upstream and key of this attempt
	key            *key
	slots          keySlots
	failures       []failure // what failed for this request

	out         *wire.Output // the request as the upstream gets it
	repeatable  bool         // sending it twice does no harm
	toHead      bool
	websocket   *handshake
	up          *upstream.Conn
	held        *heldAnswer // the answer to give if no better one comes
	interimSent bool        // an interim answer went to the client

	requestID string    // empty: off
	idSent    bool      // the client chose it
	trace     *Trace    // nil: off
	span      SpanID    // of the attempt
	sdk       sdk       // who calls, for native errors
	headAt    time.Time // when the head of the answer came

	response Response
	piece    wire.Piece // the first of the answer
	answered bool       // a response head was sent
	left     bool       // the exchange knows that the client has left; the answer is read on
	whole    bool       // the answer was read to its end
	begun    bool       // the observer was asked whether it follows
	watcher  Watch      // what follows the exchange; nil: nothing
	outcome  Outcome
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func takeExchange(g *Gateway, d Downstream) *exchange {
	x := exchanges.Get().(*exchange)
	x.gw, x.snap, x.down, x.req = g, g.snapshot.Load(), d, d.Head()
	x.outcome = Outcome{Start: time.Now(), Method: methodName(x.req.Method), Attempts: x.attempts[:0]}
	if x.snap.nativeErrors {
		x.sdk = sdkOf(x.req.Path)
	}
	return x
}

func (x *exchange) run() error {
	x.identify()
	for i := range steps {
		if err := steps[i].run(x); err != nil {
			return err
		}
	}
	return nil
}

// errAnswered ends an exchange that a step has answered in full.
var errAnswered = fmt.Errorf("answered")

// end concludes an exchange that a step has stopped: with the refusal's
// answer, or broken off if an answer was under way. It is over before its client
// can see that and ask again.
func (x *exchange) end(err error) {
	if err == errAnswered {
		return
	}
	x.giveUp()
	refusal, ok := err.(*Refusal)
	if !ok || x.answered {
		x.outcome.Cause = err
		x.down.Abort()
		return
	}
	x.outcome.Status, x.outcome.Code, x.outcome.Cause = refusal.Status, refusal.Code, refusal.Cause
	x.answeredAt(time.Now())
	if err := x.answer(refusal); err != nil && x.outcome.End == "" {
		x.outcome.End = ClientGone
	}
}

// account always runs, once: it stops what still goes on for the exchange,
// gives back what it holds, and tells the observer.
func (x *exchange) account() {
	if p := recover(); p != nil {
		x.outcome.Cause = newPanic(p)
		x.outcome.End = UpstreamBroken
		x.down.Abort()
	}
	x.giveUp()
	x.conclude()
	if x.out != nil {
		x.out.Free()
	}
	x.recycle()
}

// giveUp stops what goes on beside the exchange and gives back what it holds.
// It may be called again.
func (x *exchange) giveUp() {
	aborted := x.stopClock()
	if x.up != nil {
		if x.whole && !aborted {
			x.up.Release()
		} else {
			x.up.Close()
		}
		x.up = nil
	}
	x.dropHeld()
	x.releaseSlots()
}

// answeredAt notes when the head of the answer went out. The clock of some systems
// stands still for longer than a refusal takes, and 0 is no head.
func (x *exchange) answeredAt(now time.Time) {
	x.outcome.FirstByte = max(now.Sub(x.outcome.Start), 1)
}

// conclude completes the outcome and hands it to the observer.
func (x *exchange) conclude() {
	if !x.begun {
		x.begin()
	}
	if x.watcher == nil {
		return
	}
	o := &x.outcome
	o.Client = x.down.ClientIP()
	if x.route != nil {
		o.Route = x.route.id
	}
	if x.caller != nil {
		o.Token = x.caller.name
	}
	o.BytesIn = x.bytesIn.Load()
	if o.Duration == 0 { // else the answer went out with its head
		o.Duration = time.Since(o.Start)
	}
	if o.End == "" {
		o.End = x.endKind()
	}
	if x.wasCut(o.End) {
		o.End = Draining
	}
	x.gw.shelter(func() { x.watcher.End(o) })
}

func (x *exchange) endKind() End {
	switch {
	case x.whole && !x.gone && x.cause != causeBudget: // a client may well leave then
		return Complete
	case x.cause == causeClientGone || x.gone || x.cause == causeBadBody && x.answered:
		return ClientGone
	case x.cause == causeIdle:
		return Idle
	case x.outcome.Status == 504 && x.outcome.Code != "" || x.cause == causeBudget:
		return Timeout
	case x.outcome.Status == 502 && x.outcome.Code != "" || x.cause == causeDefect:
		return UpstreamBroken
	case x.outcome.Code != "" || !x.answered:
		return Refused
	case x.outcome.Cause != nil:
		return UpstreamBroken
	}
	return Complete
}

// wasCut tells the end of a drain from a client that went away, and from a
// tunnel that either side closed: they look the same.
func (x *exchange) wasCut(end End) bool {
	return (end == ClientGone || end == Complete) && !x.whole && !x.gone && x.down.Cut()
}

// recycle empties the exchange, keeping its memory, and returns it to the pool.
func (x *exchange) recycle() {
	fields := x.response.Fields
	clear(fields[:cap(fields)])
	x.task = task{}
	x.response.Fields = fields[:0]
	x.attempts = [2]Attempt{}
	x.resetClock()
	x.sink.reset()
	exchanges.Put(x)
}
