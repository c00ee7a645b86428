package gateway

import (
	"context"
	"errors"

	"ai-gw-lite/internal/upstream"
)

// cause is why an exchange was ended from another goroutine.
type cause uint8

const (
	causeNone cause = iota
	causeClientGone
	causeBudget
	causeIdle
	causeBadBody
	causeDefect
)

var (
	errClientGone = errors.New("the client has gone away")
	errBudget     = errors.New("request_timeout_ms ran out")
	errIdle       = errors.New("stream_idle_timeout_ms ran out")
)

// abort ends the exchange from another goroutine: whatever it waits for fails.
func (x *exchange) abort(c cause) {
	x.mu.Lock()
	x.abortLocked(c)
	x.mu.Unlock()
}

// abortBecause is abort with what to say of it. False says that the exchange had
// ended already.
func (x *exchange) abortBecause(c cause, why error) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.began.IsZero() || x.cause != causeNone {
		return false
	}
	x.why = why
	x.abortLocked(c)
	return true
}

func (x *exchange) abortLocked(c cause) {
	if x.began.IsZero() || x.cause != causeNone {
		return
	}
	if c == causeClientGone && x.leaveLocked() {
		return
	}
	x.cause = c
	if x.cancel != nil {
		x.cancel()
		x.cancel = nil
	}
	if x.attached != nil {
		x.attached.Shut()
	}
	switch {
	case x.answering:
		x.down.Abort()
	case x.interim:
		x.timer.Reset(interimPatience)
	}
}

// attach makes c the connection that an abort ends, nil for none. False says
// that the exchange has been aborted already.
func (x *exchange) attach(c *upstream.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.attached = c
	return x.cause == causeNone
}

// mayCancel makes cancel what an abort calls, once. False says that the
// exchange has been aborted already.
func (x *exchange) mayCancel(cancel context.CancelFunc) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cancel = cancel
	return x.cause == causeNone
}

// mayAnswer begins the answer: from here on an abort breaks it off. False says
// that the exchange has been aborted already.
func (x *exchange) mayAnswer() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answering = true
	return x.cause == causeNone
}

// mayInterim is mayAnswer for an interim answer, until endInterim.
func (x *exchange) mayInterim() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.interim = x.cause == causeNone
	return x.interim
}

func (x *exchange) endInterim() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.interim = false
}

// causeOf is the error of an exchange that was ended from another goroutine,
// or nil.
func (x *exchange) causeOf() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.cause == causeClientGone || x.cause != causeNone && x.gone:
		return errClientGone
	case x.cause == causeBudget:
		return errTimeout.because(errBudget)
	case x.cause == causeIdle:
		return errIdle
	case x.cause == causeBadBody:
		return errMalformedBody.because(x.why)
	case x.cause == causeDefect:
		return x.why
	}
	return nil
}
