package gateway

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

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
}

// task is what the exchange's own goroutine knows of it.
type task struct {
	gw   *Gateway
	snap *Snapshot
	down Downstream
	req  *wire.RequestHead

	route     *route
	caller    *principal
	presented []byte // the token as sent: no header that equals it goes upstream
	cors      corsReply
	place     limit.Place
	placed    bool         // place is taken
	admitted  bool         // a downstream slot is held
	slot      *limit.Slots // the upstream slot held, or nil

	out       *wire.Output // the request as the upstream gets it
	uploading wire.Framing // how the rest of the body goes out
	toHead    bool
	websocket *handshake
	up        *upstream.Conn
	response  Response
	piece     wire.Piece // of the answer; here, so that none is allocated for each event
	answered  bool       // a response head was sent
	whole     bool       // the answer was read to its end
	aborted   bool       // the upstream connection can carry no other exchange
	outcome   Outcome
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func takeExchange(g *Gateway, d Downstream) *exchange {
	x := exchanges.Get().(*exchange)
	x.gw, x.snap, x.down, x.req = g, g.snapshot.Load(), d, d.Head()
	x.outcome = Outcome{Start: time.Now(), Method: methodName(x.req.Method)}
	return x
}

// methodName keeps the method beyond its buffer, without memory for the usual ones.
func methodName(method []byte) string {
	switch string(method) {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "PATCH":
		return "PATCH"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	}
	return string(method)
}

func (x *exchange) run() error {
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
// answer, or broken off if an answer was under way.
func (x *exchange) end(err error) {
	if err == errAnswered {
		return
	}
	refusal, ok := err.(*Refusal)
	if !ok || x.answered {
		x.outcome.Cause = err
		x.down.Abort()
		return
	}
	x.aborted = x.stopClock() || x.aborted // nobody else reads the client while it is answered
	x.outcome.Status, x.outcome.Code, x.outcome.Cause = refusal.Status, refusal.Code, refusal.Cause
	x.outcome.FirstByte = time.Since(x.outcome.Start)
	if err := x.answer(refusal); err != nil && x.outcome.End == "" {
		x.outcome.End = ClientGone
	}
}

// account always runs, once: it stops what still goes on for the exchange,
// gives back what it holds, and tells the observers.
func (x *exchange) account() {
	if p := recover(); p != nil {
		x.outcome.Cause = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		x.outcome.End = UpstreamBroken
		x.down.Abort()
	}
	x.aborted = x.stopClock() || x.aborted
	if x.up != nil {
		if x.whole && !x.aborted {
			x.up.Release()
		} else {
			x.up.Close()
		}
	}
	if x.slot != nil {
		x.slot.Release()
	}
	if x.admitted {
		x.gw.downstream.Release()
	}
	x.conclude()
	if x.out != nil {
		x.out.Free()
	}
	x.recycle()
}

// conclude completes the outcome and hands it to the observers.
func (x *exchange) conclude() {
	o := &x.outcome
	if len(x.gw.observers) == 0 {
		return
	}
	o.Client = x.down.ClientIP()
	if x.route != nil {
		o.Route = x.route.id
	}
	if x.caller != nil {
		o.Token = x.caller.name
	}
	o.BytesIn = x.bytesIn.Load()
	o.Duration = time.Since(o.Start)
	if o.End == "" {
		o.End = x.endKind()
	}
	for _, obs := range x.gw.observers {
		tell(obs, o)
	}
}

// tell lets a defective observer neither take the process down nor keep the
// news from those behind it; they find its panic beside the cause.
func tell(obs Observer, o *Outcome) {
	defer func() {
		if p := recover(); p != nil {
			o.Cause = errors.Join(o.Cause, fmt.Errorf("panic of an observer: %v\n%s", p, debug.Stack()))
		}
	}()
	obs.End(o)
}

func (x *exchange) endKind() End {
	switch {
	case x.whole && x.cause != causeBudget: // a client may well leave then
		return Complete
	case x.cause == causeClientGone:
		return ClientGone
	case x.outcome.Status == 504 && x.outcome.Code != "" || x.cause == causeBudget:
		return Timeout
	case x.outcome.Status == 502 && x.outcome.Code != "":
		return UpstreamBroken
	case x.outcome.Code != "" || !x.answered:
		return Refused
	case x.outcome.Cause != nil:
		return UpstreamBroken
	}
	return Complete
}

// recycle empties the exchange, keeping its memory, and returns it to the pool.
func (x *exchange) recycle() {
	fields := x.response.Fields
	clear(fields[:cap(fields)])
	x.task = task{}
	x.response.Fields = fields[:0]
	x.resetClock()
	exchanges.Put(x)
}
