package balance

import (
	"sync"
	"time"
)

// Rest is how long an upstream or a key is still cooled. The zero value is
// not. It goes by the monotonic clock: to set the machine's time neither ends
// nor prolongs it.
type Rest struct {
	mu    sync.Mutex
	until time.Time
	begun bool // its end is still to be told
}

// Left is how long the rest still lasts, 0 for none.
func (r *Rest) Left(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left(now)
}

func (r *Rest) left(now time.Time) time.Duration {
	return max(0, r.until.Sub(now))
}

// Cool lets the rest last for d from now on, unless it lasts longer already.
// begins says that a rest begins with it, whose end is to be found with End.
func (r *Rest) Cool(now time.Time, d time.Duration) (begins bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until := now.Add(d); until.After(r.until) {
		r.until = until
	}
	begins = !r.begun
	r.begun = true
	return begins
}

// End ends the rest if its time is over (0); otherwise it says how long to
// wait before asking again, for it was prolonged. Beginnings and ends alternate.
func (r *Rest) End(now time.Time) (left time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if left = r.left(now); left == 0 {
		r.begun = false
	}
	return left
}
