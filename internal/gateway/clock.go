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

// leftCheck is how often it is looked whether a client is still there whose
// upload waits for an upstream that takes nothing: nobody reads from it then.
const leftCheck = time.Second

// cutCheck is how often an exchange whose client has left looks whether a drain
// has come to its end.
const cutCheck = time.Second

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

// clock is what other goroutines may touch of an exchange: the timer that
// watches over it, the goroutine on the client's side, and how it was ended
// from there.
type clock struct {
	side     sync.WaitGroup // what goes on beside the exchange's own goroutine
	uploaded atomic.Bool    // the request's body was read to its end
	bytesIn  atomic.Int64
	lastByte atomic.Int64 // when a stream last brought something, for its idle timeout; 0: its client is taking it

	mu        sync.Mutex
	timer     *time.Timer
	began     time.Time // when forwarding began; zero: not yet, or no longer
	deadline  time.Time // of the request budget; zero: none, or no longer
	firstByte time.Time // by when this attempt's head must come; zero: no matter
	late      bool      // it did not
	idle      time.Duration
	drain     time.Duration // how long to read on without the client; 0: not at all
	gone      bool          // the client has left, and the answer is read on
	watching  bool          // the client's side has its goroutine
	cause     cause
	why       error          // for causeBadBody and causeDefect
	cancel    func()         // of a dial or a wait that goes on
	attached  *upstream.Conn // the connection that an abort shuts; nil: none
	tearing   bool           // the answer is under way: an abort takes the client along
}

// startClock begins to watch over the exchange: its budget, which is that of
// the upstream tried first, and whether its client is still there.
func (x *exchange) startClock() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.began = time.Now()
	x.deadline = x.began.Add(x.target.requestTimeout)
	x.drain = x.route.drain
	d := min(silence, x.target.requestTimeout)
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
	next := earliest(x.deadline, x.firstByte)
	if due(x.deadline, now) {
		x.abortLocked(causeBudget)
		return
	}
	if due(x.firstByte, now) {
		x.late, x.firstByte = true, time.Time{}
		if x.attached != nil {
			x.attached.Shut()
		}
		next = x.deadline
	}
	if x.idle > 0 {
		quiet := now.Add(x.idle)
		if last := x.lastByte.Load(); last != 0 {
			quiet = time.Unix(0, last).Add(x.idle)
		}
		if due(quiet, now) {
			x.abortLocked(causeIdle)
			return
		}
		next = earliest(next, quiet)
	}
	if x.gone { // nobody else would tell that a drain has come to its end
		if x.down.Cut() {
			x.abortLocked(causeBudget)
			return
		}
		next = earliest(next, now.Add(cutCheck))
	}
	if !x.uploaded.Load() && !x.down.GoneShows() {
		if x.down.HasLeft() {
			x.abortLocked(causeClientGone)
			return
		}
		next = earliest(next, now.Add(leftCheck))
	}
	if patient := x.began.Add(silence); now.Before(patient) {
		next = earliest(next, patient)
	} else {
		x.watchLocked()
	}
	if !next.IsZero() {
		x.timer.Reset(next.Sub(now))
	}
}

func due(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// earliest is the earlier of two times of which either may be none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// awaitFirstByte bounds the wait for this attempt's head.
func (x *exchange) awaitFirstByte(d time.Duration) {
	if d == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.late, x.firstByte = false, time.Now().Add(d)
	x.timer.Reset(min(silence, d))
}

// firstByteLate ends that wait and says whether it was too long.
func (x *exchange) firstByteLate() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	late := x.late
	x.late, x.firstByte = false, time.Time{}
	return late
}

// budgetLeft is what is left of the request's time.
func (x *exchange) budgetLeft() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return time.Until(x.deadline)
}

// forgiveBudget takes back that the budget has ended the exchange, if it has,
// and gives it that much more. False says that it has ended otherwise.
func (x *exchange) forgiveBudget(grace time.Duration) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause == causeBudget && !x.gone {
		x.cause = causeNone
		x.deadline = time.Now().Add(grace)
		x.timer.Reset(grace)
	}
	return x.cause == causeNone
}

// endBudget lets a stream last as long as it likes, though not in silence for
// longer than idle, unless that is 0.
func (x *exchange) endBudget(idle time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.gone { // else it is that of reading on
		x.deadline = time.Time{}
	}
	if idle > 0 {
		x.lastByte.Store(time.Now().UnixNano())
		x.idle = idle
		x.timer.Reset(min(silence, idle))
	}
}

// stopClock ends everything that goes on beside the exchange and waits for it.
// aborted says that its connection can carry no other: it was aborted, or is
// now, with the request not sent whole.
func (x *exchange) stopClock() (aborted bool) {
	x.mu.Lock()
	x.began = time.Time{}
	watching := x.watching
	aborted = x.cause != causeNone || !x.sink.whole.Load()
	if aborted && x.attached != nil {
		x.attached.Shut() // frees an upload that is stuck in a write
	}
	x.attached = nil
	x.watching = false
	x.mu.Unlock()
	if x.timer != nil {
		x.timer.Stop()
	}
	x.sink.close()
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
	x.deadline, x.firstByte, x.late, x.idle = time.Time{}, time.Time{}, false, 0
	x.drain, x.gone, x.watching = 0, false, false
	x.cause, x.why = causeNone, nil
	x.cancel, x.attached, x.tearing = nil, nil, false
}

// watch starts the client's side unless it runs.
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
// only who reads on learns that a client has gone.
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
	if x.tearing {
		x.down.Abort()
	}
}

// leaveLocked lets an exchange whose client has gone away go on to the end of
// its answer, for the sake of the usage it tells, where the route wants that.
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
	x.tearing = true
	return x.cause == causeNone
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
