package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// silence is how long an exchange may wait before a goroutine is spent on
// noticing that its client has gone away: most answers come sooner.
const silence = 20 * time.Millisecond

// cause is why an exchange was ended from another goroutine.
type cause uint8

const (
	causeNone cause = iota
	causeClientGone
	causeBudget
	causeBadBody
)

var (
	errClientGone = errors.New("the client has gone away")
	errBudget     = errors.New("request_timeout_ms ran out")
)

// clock is what other goroutines may touch of an exchange: the timer that
// watches over it, the goroutine on the client's side, and how it was ended
// from there.
type clock struct {
	side     sync.WaitGroup // the goroutines on the client's side
	uploaded atomic.Bool    // the request's body was read whole and went upstream, or goes with its head
	bytesIn  atomic.Int64

	sending   sync.Mutex // held to write, or to gather, the request's head and what goes with it
	connected bool       // nothing is gathered any more

	mu       sync.Mutex
	timer    *time.Timer
	began    time.Time // when forwarding began; zero: not yet, or no longer
	deadline time.Time // of the request budget; zero: none, or no longer
	watching bool      // the client's side has its goroutine
	paused   bool      // it has ended for now: what it gathered is full
	cause    cause
	badBody  error              // for causeBadBody
	cancel   context.CancelFunc // of a dial that goes on
	dead     *upstream.Conn     // the connection to abort
	tearing  bool               // the answer is under way: an abort takes the client along
}

// startClock begins to watch over the exchange: its budget, and whether its
// client is still there.
func (x *exchange) startClock() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.began = time.Now()
	x.deadline = x.began.Add(x.route.requestTimeout)
	d := min(silence, x.route.requestTimeout)
	if x.timer == nil {
		x.timer = time.AfterFunc(d, x.tick)
	} else {
		x.timer.Reset(d)
	}
}

// tick acts by the time and the exchange's state alone, so that a late tick,
// even one that was meant for an earlier exchange in the same memory, is harmless.
func (x *exchange) tick() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.began.IsZero() {
		return
	}
	now := time.Now()
	if !x.deadline.IsZero() && !now.Before(x.deadline) {
		x.abortLocked(causeBudget)
		return
	}
	next := x.deadline
	if quiet := x.began.Add(silence); now.Before(quiet) {
		if next.IsZero() || quiet.Before(next) {
			next = quiet
		}
	} else {
		x.watchLocked()
	}
	if !next.IsZero() {
		x.timer.Reset(next.Sub(now))
	}
}

// endBudget lets a stream last as long as it likes.
func (x *exchange) endBudget() {
	x.mu.Lock()
	x.deadline = time.Time{}
	x.mu.Unlock()
}

// stopClock ends everything that goes on beside the exchange and waits for it.
// aborted says that its connection can carry no other: it was aborted, or is
// now, with the request not sent whole.
func (x *exchange) stopClock() (aborted bool) {
	x.mu.Lock()
	x.began = time.Time{}
	watching := x.watching
	aborted = x.cause != causeNone || !x.uploaded.Load()
	if aborted && x.dead != nil {
		x.dead.Abort() // frees an upload that is stuck in a write
	}
	x.dead = nil
	x.watching = false
	x.mu.Unlock()
	if x.timer != nil {
		x.timer.Stop()
	}
	if watching {
		x.down.Interrupt()
	}
	x.side.Wait()
	return aborted
}

// resetClock makes the clock ready for the next exchange. A tick that comes
// late may hold the lock, so the clock is emptied under it and never replaced.
func (x *exchange) resetClock() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.uploaded.Store(false)
	x.bytesIn.Store(0)
	x.connected = false
	x.deadline, x.watching, x.paused, x.cause, x.badBody = time.Time{}, false, false, causeNone, nil
	x.cancel, x.dead, x.tearing = nil, nil, false
}

// watch starts the client's side unless it runs.
func (x *exchange) watch() {
	x.mu.Lock()
	x.watchLocked()
	x.mu.Unlock()
}

func (x *exchange) watchLocked() {
	if x.began.IsZero() || x.watching && !x.paused {
		return
	}
	if !x.watching && !x.uploaded.Load() && x.down.GoneShows() {
		x.side.Go(x.awaitGone)
	}
	x.watching, x.paused = true, false
	x.side.Go(x.clientSide)
}

// clientSide sends what is still to come of the request's body, then waits for
// the client to go away. While the upstream is still being reached it gathers
// the body, up to a bound: only who reads on learns that a client has gone.
func (x *exchange) clientSide() {
	if x.uploaded.Load() || x.upload() && !x.down.GoneShows() {
		x.awaitGone()
	}
}

func (x *exchange) awaitGone() {
	if x.down.AwaitGone() {
		x.abort(causeClientGone)
	}
}

// gatherLimit bounds the part of a request that waits for its upstream, in bytes.
const gatherLimit = 64 << 10

// upload passes the rest of the request's body on. False says that the body is
// not needed any more or for now, or that it broke off and the exchange with it.
func (x *exchange) upload() bool {
	for {
		p, err := x.down.NextBody()
		if err != nil {
			x.uploadBroke(err)
			return false
		}
		x.bytesIn.Add(int64(p.Size()))
		gathered, full := x.gather(&p)
		if !gathered && x.up.WritePiece(&p, x.uploading) != nil {
			return false // an answer may have come first: reading it will tell
		}
		if p.Last {
			x.uploaded.Store(true)
			return true
		}
		if full {
			return false
		}
	}
}

// gather puts a piece of the body to the head that could not be sent yet. Full
// says that the goroutine must end: send is followed by another.
func (x *exchange) gather(p *wire.Piece) (gathered, full bool) {
	x.sending.Lock()
	defer x.sending.Unlock()
	if x.connected {
		return false, false
	}
	x.out.B = wire.AppendPiece(x.out.B, p, x.uploading)
	if full = len(x.out.B) > gatherLimit && !p.Last; full {
		x.mu.Lock()
		x.paused = true
		x.mu.Unlock()
	}
	return true, full
}

// send writes the head, and what was gathered of the body.
func (x *exchange) send() error {
	x.sending.Lock()
	defer x.sending.Unlock()
	x.connected = true
	return x.up.Write(x.out.B)
}

func (x *exchange) uploadBroke(err error) {
	var bad *wire.Error
	switch {
	case errors.As(err, &bad):
		x.mu.Lock()
		x.badBody = err
		x.abortLocked(causeBadBody)
		x.mu.Unlock()
	case errors.Is(err, ErrUploadStalled):
		x.abort(causeBudget)
	case wire.IsTimeout(err): // interrupted: the exchange has ended
	default:
		x.abort(causeClientGone)
	}
}

// abort ends the exchange from another goroutine: whatever it waits for fails.
func (x *exchange) abort(c cause) {
	x.mu.Lock()
	x.abortLocked(c)
	x.mu.Unlock()
}

func (x *exchange) abortLocked(c cause) {
	if x.began.IsZero() || x.cause != causeNone {
		return
	}
	x.cause = c
	if x.cancel != nil {
		x.cancel()
	}
	if x.dead != nil {
		x.dead.Abort()
	}
	if x.tearing {
		x.down.Abort()
	}
}

// attach makes c the connection that an abort ends, nil for none. False says
// that the exchange has been aborted already.
func (x *exchange) attach(c *upstream.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dead = c
	return x.cause == causeNone
}

// causeOf is the error of an exchange that was ended from another goroutine,
// or nil.
func (x *exchange) causeOf() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch x.cause {
	case causeClientGone:
		return errClientGone
	case causeBudget:
		return errTimeout.because(errBudget)
	case causeBadBody:
		return errMalformedBody.because(x.badBody)
	}
	return nil
}
