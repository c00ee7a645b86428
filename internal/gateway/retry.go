package gateway

import (
	mathrand "math/rand/v2"
	"time"

	"ai-gw-lite/internal/balance"
)

// failure is an attempt that another may follow.
type failure struct {
	target *target
	key    *key      // nil: the upstream was not reached, with whatever key
	again  time.Time // not before this, as its answer asked; zero: it did not say
}

// prepareRetry decides whether another attempt follows the n-th, and gets ready
// for it: the next target is chosen and its wait is over.
func (x *exchange) prepareRetry(a *attempt, n int) bool {
	if n >= x.route.retry.MaxAttempts || !x.isRetryable(a) || x.interimSent || x.isGone() {
		return false
	}
	if !x.sink.pause() {
		x.outcome.Note = "not retried: the request's body is larger than retry.max_replay_body_bytes"
		return false
	}
	x.failed(a)
	if a.answered() {
		x.hold()
	} else {
		x.dropUpstream()
	}
	if x.causeOf() != nil {
		return false
	}
	was, key := x.target, x.key
	x.slots.release()
	picked := x.pickTarget()
	if !picked {
		x.outcome.Note = "not retried: no key has a slot left"
	}
	if !picked || !x.waitBefore() {
		x.target, x.key = was, key
		return false
	}
	return true
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
	return r.retry.OnUncertain || x.repeatable
}

// failed remembers the attempt for the choice of the next and for its wait.
func (x *exchange) failed(a *attempt) {
	f := failure{target: x.target, key: x.key}
	if a.kind == notSent {
		f.key = nil
	}
	if a.readable && x.route.retry.RespectRetryAfter {
		f.again = x.headAt.Add(a.asked)
	}
	x.failures = append(x.failures, f)
}

// failuresOf is how often a key of an upstream failed for this request, and
// when its answer asked to be asked again.
func (x *exchange) failuresOf(t *target, k *key) (n int, again time.Time) {
	for _, f := range x.failures {
		if f.target == t && (f.key == nil || f.key == k) {
			n++
			again = f.again
		}
	}
	return n, again
}

// waitBefore waits as long as the upstream and key that were chosen should be
// left alone: not at all, unless they failed before. False says that this would
// be too long, or that the exchange has ended.
func (x *exchange) waitBefore() bool {
	n, again := x.failuresOf(x.target, x.key)
	if n == 0 {
		return true
	}
	r := &x.route.retry
	wait := balance.Backoff(n, r.Backoff.Initial, r.Backoff.Max, r.Backoff.Jitter, mathrand.Float64())
	if !again.IsZero() {
		asked := time.Until(again)
		if asked > r.MaxRetryAfter {
			return false
		}
		wait = max(wait, asked)
	}
	if wait >= x.budgetLeft() {
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

// settle ends the attempts: with the answer that came last, if there was one,
// else with the gateway's own.
func (x *exchange) settle(a *attempt) error {
	x.sink.forget()
	x.req, x.presented = nil, nil
	x.out.Free() // a stream must not hold what its request was put together in
	x.out = nil
	if a.answered() && x.up != nil {
		x.dropHeld()
		if a.status < 400 {
			x.keepPin()
		}
		return nil
	}
	if x.held != nil && x.takeHeld() {
		return nil
	}
	if cause := x.causeOf(); cause != nil {
		return cause
	}
	if a.err == nil {
		return errRequestFailed.because(errBrokenAnswer)
	}
	return a.err
}
