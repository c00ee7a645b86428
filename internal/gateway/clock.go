package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/upstream"
)

// silence is how long an exchange may wait before a goroutine is spent on
// noticing that its client has gone away: most answers come sooner.
const silence = 20 * time.Millisecond

// leftCheck is how often the gateway looks whether a client has left while its
// upload waits for an upstream that takes nothing: nobody reads from the client
// then, so nothing else would tell.
const leftCheck = time.Second

// interimPatience is how long an exchange that was ended waits for its client to
// take an interim answer. One that reads then gets the final one.
const interimPatience = time.Second

// cutCheck is how often an exchange whose client has left looks whether a drain
// has come to its end.
const cutCheck = time.Second

// clock is what other goroutines may touch of an exchange: the timer that
// watches over it (here), the goroutine on the client's side (client_side.go),
// and how it was ended from there (abort.go).
type clock struct {
	side     sync.WaitGroup // what goes on beside the exchange's own goroutine
	uploaded atomic.Bool    // the request's body was read to its end
	bytesIn  atomic.Int64
	lastByte atomic.Int64 // when a stream last brought something, for its idle timeout; 0: its client is taking it

	mu        sync.Mutex // over all that follows
	timer     *time.Timer
	began     time.Time // when forwarding began; zero: not yet, or no longer
	deadline  time.Time // of the request budget; zero: none, or no longer
	firstByte time.Time // by when this attempt's head must come; zero: no matter
	late      bool      // it did not
	idle      time.Duration
	drain     time.Duration // how long to read on without the client; 0: not at all
	gone      bool          // the client has left, and the answer is read on: see leaveLocked
	watching  bool          // the client's side has its goroutine
	lent      bool          // the slots are given back while the last of the answer goes out
	cause     cause
	why       error          // for causeBadBody and causeDefect
	cancel    func()         // of a dial or a wait that goes on
	attached  *upstream.Conn // the connection that an abort shuts; nil: none
	answering bool           // the answer is under way: an abort breaks it off towards the client
	interim   bool           // an interim one is: an abort gives the client a moment to take it
}

// startClock begins to watch over the exchange: its budget, which is that of
// the first attempt's upstream, and whether its client is still there.
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
	x.retakeLocked()
	if x.cause != causeNone {
		if x.interim {
			x.down.Abort()
		}
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
	x.cancel, x.attached, x.answering, x.interim = nil, nil, false, false
}
