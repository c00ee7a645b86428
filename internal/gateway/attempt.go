package gateway

import (
	"context"
	"errors"
	"strconv"
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// kind is what happened on the wire to an attempt.
type kind uint8

const (
	replied   kind = iota // the head of an answer came
	notSent               // no connection: the upstream has seen nothing
	uncertain             // some was sent and no answer came: the request may have run
)

// attempt is how one sending of the request to an upstream went.
type attempt struct {
	kind     kind
	start    time.Time
	status   int           // for replied
	asked    time.Duration // how long the answer asks to wait
	readable bool          // it asked for something readable
	err      error         // a *Refusal, or why the exchange ended
	fatal    bool          // the exchange has ended with it: no other attempt
}

func (a *attempt) answered() bool { return a.kind == replied && a.err == nil }

// result is the attempt in a word, for observers.
func (a *attempt) result() string {
	switch {
	case a.answered() && a.status < 400:
		return "ok"
	case a.answered():
		return statusText(a.status)
	case errors.Is(a.err, errClientGone):
		return "client_gone"
	}
	if r, ok := a.err.(*Refusal); ok && r.Status == 504 {
		return "timeout"
	}
	if a.kind == notSent {
		return "connect_error"
	}
	return "broken"
}

func statusText(status int) string { return "status_" + strconv.Itoa(status) }

// attempt sends the request to the target and waits for the head of an answer.
// It is the n-th attempt of the exchange. A request that may be repeated and
// meets silence on a connection that was idle gets a fresh one: its upstream may
// have closed it just then.
func (x *exchange) attempt(n int) attempt {
	a := attempt{start: x.began}
	x.outcome.Upstream, x.outcome.Key = x.target.name, x.key.id
	if n > 1 {
		a.start = time.Now()
		x.sink.compose(x.appendHead)
	}
	if x.watcher != nil {
		x.watcher.Attempt(x.target.name, x.key.id)
	}
	for fresh := false; ; {
		if a.err = x.connect(fresh); a.err != nil {
			a.kind, a.fatal = notSent, x.causeOf() != nil
			return a
		}
		x.awaitFirstByte(x.target.firstByteTimeout)
		rest, stale, writeErr := x.sink.send(x.up)
		if stale {
			x.dropUpstream()
			continue
		}
		if rest != nil {
			x.beside(rest)
		}
		if !x.uploaded.Load() {
			x.watch()
		}
		silent, err := x.awaitHead()
		x.headAt = time.Now()
		late := x.target.firstByteTimeout > 0 && x.firstByteLate()
		switch {
		case err == nil && !late: // a late head's connection was shut
			x.judge(&a)
			return a
		case x.causeOf() != nil:
			a.kind, a.err, a.fatal = uncertain, x.causeOf(), true
			return a
		case late:
			a.err = errTimeout.because(errFirstByte)
		case silent && x.up.Reused && x.repeatable && !fresh:
			x.dropUpstream()
			fresh = true
			continue
		case writeErr != nil:
			a.err = errRequestFailed.because(writeErr)
		default:
			a.err = errRequestFailed.because(err)
		}
		a.kind = uncertain
		return a
	}
}

// connect finds a connection to the target, an idle one unless fresh.
func (x *exchange) connect(fresh bool) error {
	if !fresh {
		x.up = x.target.pool.Idle()
	}
	if x.up == nil {
		if err := x.dial(); err != nil {
			return err
		}
	}
	if !x.attach(x.up) {
		return x.causeOf()
	}
	return nil
}

func (x *exchange) dial() error {
	ctx, cancel := context.WithTimeout(context.Background(), x.target.connectTimeout)
	defer cancel()
	if !x.mayCancel(cancel) {
		return x.causeOf()
	}
	up, err := x.target.pool.Dial(ctx)
	x.mayCancel(nil)
	if err == nil {
		x.up = up
		return nil
	}
	if cause := x.causeOf(); cause != nil {
		return cause
	}
	if upstream.IsTimeout(err) {
		return errTimeout.because(err)
	}
	return errConnect.because(err)
}

// awaitHead reads response heads, passing interim ones on, up to the final one.
func (x *exchange) awaitHead() (silent bool, err error) {
	for first := true; ; first = false {
		silent, err := x.up.ReadHead(x.toHead)
		if err != nil {
			return silent && first, err
		}
		h := &x.up.Head
		if !h.IsInterim() {
			return false, nil
		}
		res := &x.response
		*res = Response{Status: h.Status, Reason: h.Reason, Fields: x.takeFields(h)}
		x.strip(res)
		sent, err := x.sendInterim(res)
		x.interimSent = x.interimSent || sent && h.Status > 100 // a 100 only says that the body may come
		if err != nil && !x.readsOn() {
			x.abort(causeClientGone)
			return false, err
		}
	}
}

// sendInterim passes an interim answer on. Where the client does not take it an
// abort breaks it off, if only after a moment: there may yet be an answer to give.
func (x *exchange) sendInterim(res *Response) (sent bool, err error) {
	if !x.mayInterim() {
		return false, x.causeOf()
	}
	defer x.endInterim()
	return x.down.Interim(res)
}

var (
	errProxyLogin   = errors.New("the outbound proxy wants a login (407)")
	errUnasked101   = errors.New("a 101 that nobody asked for")
	errWrongUpgrade = errors.New("a 101 that does not accept the WebSocket handshake")
	errFirstByte    = errors.New("first_byte_timeout_ms ran out")
)

// judge reads the head that came. Some may not be relayed.
func (x *exchange) judge(a *attempt) {
	h := &x.up.Head
	switch {
	case h.Status == 407 && x.target.endpoint.AbsoluteForm():
		a.kind, a.err = notSent, errConnect.because(errProxyLogin)
	case h.Status == 101 && x.websocket == nil:
		a.kind, a.err = uncertain, errRequestFailed.because(errUnasked101)
	case h.Status == 101 && !x.websocket.acceptedBy(h):
		a.kind, a.err = uncertain, errRequestFailed.because(errWrongUpgrade)
	default:
		a.status = h.Status
		if h.Status >= 400 {
			a.asked, a.readable = retryAfter(h)
		}
	}
}

func retryAfter(h *wire.ResponseHead) (time.Duration, bool) {
	var ms, after string
	for i := range h.Fields {
		switch f := &h.Fields[i]; {
		case wire.EqualFold(f.Name, "retry-after-ms"):
			ms = string(f.Value)
		case wire.EqualFold(f.Name, "retry-after"):
			after = string(f.Value)
		}
	}
	return balance.RetryAfter(ms, after, time.Now())
}

// dropUpstream ends the attempt's connection, which no other may use.
func (x *exchange) dropUpstream() {
	if x.up == nil {
		return
	}
	x.attach(nil)
	x.up.Abort() // frees an upload that is stuck in a write
	x.sink.leave()
	x.up.Close()
	x.up = nil
}
