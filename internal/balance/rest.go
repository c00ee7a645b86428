package balance

import (
	"sync/atomic"
	"time"
)

// Rest is how long an upstream or a key is still cooled. The zero value is not.
type Rest struct{ until atomic.Int64 }

// Left is how long the rest still lasts, 0 for none.
func (r *Rest) Left(now time.Time) time.Duration {
	until := r.until.Load()
	if until == 0 {
		return 0
	}
	return max(0, time.Duration(until-now.UnixNano()))
}

// Cool lets the rest last for d from now on, unless it lasts longer already.
// begins says that there was no rest before.
func (r *Rest) Cool(now time.Time, d time.Duration) (begins bool) {
	until := now.Add(d).UnixNano()
	for {
		old := r.until.Load()
		if old >= until {
			return false
		}
		if r.until.CompareAndSwap(old, until) {
			return old <= now.UnixNano()
		}
	}
}
