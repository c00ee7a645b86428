package gateway

import (
	"errors"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/wire"
)

// maxHeld bounds the body of an answer that is kept while others are tried, in
// bytes: error answers are small.
const maxHeld = 64 << 10

// heldAnswer is an answer that the client gets if no try brings a better one.
type heldAnswer struct {
	head wire.ResponseHead
	body []byte
	open bool // the rest of it is still to be read from the upstream
}

// tryAgain decides whether there is another try, and gets ready for it: the
// next target is chosen and its wait is over.
func (x *exchange) tryAgain(a *attempt, try int) bool {
	r := &x.route.retry
	if try >= r.MaxAttempts || !x.isRetryable(a) || x.isGone() {
		return false
	}
	if !x.sink.pause() {
		x.outcome.Note = "not tried again: the request's body is larger than retry.max_replay_body_bytes"
		return false
	}
	if a.answered() {
		if !x.hold() {
			return false
		}
	} else {
		x.dropUpstream()
	}
	failed := place{target: x.target, key: x.key}
	if a.kind == notSent {
		failed.key = nil
	}
	x.failures = append(x.failures, failed)
	x.releaseSlot()
	was := place{x.target, x.key}
	if !x.pickTarget() {
		x.target, x.key = was.target, was.key
		return false
	}
	x.outcome.Upstream, x.outcome.Key = x.target.name, x.key.id
	if (place{x.target, x.key}) != was {
		return true // another is tried without waiting
	}
	return x.waitBefore(a, try)
}

// isRetryable judges by what happened on the wire.
func (x *exchange) isRetryable(a *attempt) bool {
	r := x.route
	switch a.kind {
	case replied:
		return r.retryOn[a.status]
	case notSent:
		return r.retryDial
	}
	return r.retry.OnUncertain || x.bodiless && isRead(x.outcome.Method)
}

// isRead reports a method that is never uncertain: reading twice does no harm.
func isRead(method string) bool { return method == "GET" || method == "HEAD" }

// waitBefore waits as long as the same key and upstream should be left alone.
// False says that this would be too long, or that the exchange has ended.
func (x *exchange) waitBefore(a *attempt, try int) bool {
	r := &x.route.retry
	wait := balance.Backoff(try, r.Backoff.Initial, r.Backoff.Max, r.Backoff.Jitter, mathrand.Float64())
	if a.readable && r.RespectRetryAfter {
		if a.asked > r.MaxRetryAfter {
			return false
		}
		wait = max(wait, a.asked)
	}
	if left := x.budgetLeft(); wait >= left {
		return false
	}
	over := make(chan struct{})
	if !x.mayCancel(func() { close(over) }) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-over:
	}
	return x.mayCancel(nil)
}

// hold keeps the answer that came, and gives its connection back. False says
// that it is too large to keep, or broke off: then it is the client's.
func (x *exchange) hold() bool {
	held := &heldAnswer{head: cloneHead(&x.up.Head)}
	for !x.up.BodyDone() {
		p, err := x.up.Next()
		for _, d := range p.Data {
			held.body = append(held.body, d...)
		}
		if err != nil && err != io.EOF {
			x.dropUpstream()
			return true // what is broken is no answer to keep
		}
		if len(held.body) > maxHeld {
			held.open, x.held = true, held
			return false
		}
	}
	x.held = held
	x.attach(nil)
	if x.sink.leave() {
		x.up.Release()
	} else {
		x.up.Close()
	}
	x.up = nil
	return true
}

func cloneHead(h *wire.ResponseHead) wire.ResponseHead {
	c := *h
	c.Reason = slices.Clone(h.Reason)
	c.Fields = make([]wire.Field, len(h.Fields))
	for i, f := range h.Fields {
		c.Fields[i] = wire.Field{Name: slices.Clone(f.Name), Value: slices.Clone(f.Value), Known: f.Known}
	}
	return c
}

// settle ends the tries: with the answer that came last, if there was one,
// else with the gateway's own.
func (x *exchange) settle(a *attempt) error {
	x.sink.forget()
	x.req, x.presented = nil, nil
	x.out.Free() // a stream must not hold what its request was put together in
	x.out = nil
	if a.fatal {
		return a.err
	}
	if a.answered() && x.up != nil {
		if x.held != nil && !x.held.open {
			x.held = nil
		}
		if a.status < 400 {
			x.pin()
		}
		return nil
	}
	if x.held != nil {
		return nil
	}
	if a.err == nil {
		return errRequestFailed.because(errBrokenAnswer)
	}
	return a.err
}

var errBrokenAnswer = errors.New("its answer broke off")
