package gateway

import (
	"errors"
	"time"

	"ai-gw-lite/internal/wire"
)

// watch starts the goroutine on the client's side, clientSide, unless it runs.
func (x *exchange) watch() {
	x.mu.Lock()
	x.watchLocked()
	x.mu.Unlock()
}

func (x *exchange) watchLocked() {
	if x.began.IsZero() || x.watching {
		return
	}
	if !x.uploaded.Load() && x.down.GoneShows() {
		x.beside(x.awaitGone)
	}
	x.watching = true
	x.beside(x.clientSide)
}

// beside runs f in a goroutine of its own. A defect there ends the exchange.
func (x *exchange) beside(f func()) {
	x.side.Go(func() {
		if defect := shelter(f); defect != nil && !x.abortBecause(causeDefect, defect) && x.gw.onDefect != nil {
			x.gw.onDefect(defect)
		}
	})
}

// clientSide sends what is still to come of the request's body, then waits for
// the client to go away. It begins while the upstream is still being reached:
// that a client has gone only shows when its connection is read.
func (x *exchange) clientSide() {
	if x.uploaded.Load() || x.upload() && !x.down.GoneShows() {
		x.awaitGone()
	}
}

// awaitGone ends the exchange when its client goes away.
func (x *exchange) awaitGone() {
	if x.down.AwaitGone() {
		x.abort(causeClientGone)
	}
}

// upload passes the rest of the request's body on. False says that the body is
// not needed any more, or that it broke off and the exchange with it.
func (x *exchange) upload() bool {
	for {
		p, err := x.down.NextBody()
		if err != nil {
			x.uploadBroke(err)
			return false
		}
		x.sawRequest(&p)
		if p.Last {
			x.uploaded.Store(true) // before the upstream can answer what follows
		}
		if !x.sink.write(&p) {
			return false
		}
		if p.Last {
			return true
		}
	}
}

// uploadBroke ends the exchange for what went wrong with the request's body.
func (x *exchange) uploadBroke(err error) {
	var bad *wire.Error
	switch {
	case errors.As(err, &bad):
		x.abortBecause(causeBadBody, err)
	case errors.Is(err, ErrUploadStalled):
		x.abort(causeBudget)
	case wire.IsTimeout(err): // interrupted: the exchange has ended
	default:
		x.abort(causeClientGone)
	}
}

// leaveLocked lets an exchange whose client has gone away go on to the end of
// its answer, so that its usage is known, where the route wants that. False says
// that the exchange has to end.
func (x *exchange) leaveLocked() bool {
	if x.gone {
		return true
	}
	if x.drain == 0 || x.attached == nil || !x.uploaded.Load() || x.down.Cut() {
		return false
	}
	x.gone = true
	x.deadline = earliest(x.deadline, time.Now().Add(x.drain))
	x.timer.Reset(min(silence, time.Until(x.deadline))) // what is due when, tick finds out
	x.down.Abort()
	return true
}

// isGone reports that the client has left and the answer is read on.
func (x *exchange) isGone() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.gone
}

// readsOn reports whether the answer is read on although it can no longer be
// sent.
func (x *exchange) readsOn() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cause == causeNone && x.leaveLocked()
}
