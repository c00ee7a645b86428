package balance

import (
	"sync"
	"time"
)

// Cooldown is how long an upstream or a key is not used after a failure. The
// zero value is none. It goes by the monotonic clock: to set the machine's time
// neither ends nor prolongs it.
type Cooldown struct {
	mu    sync.Mutex
	until time.Time
	begun bool // its end is still to be told
}

// Left is how long the cooldown still lasts, 0 for none.
func (c *Cooldown) Left(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left(now)
}

func (c *Cooldown) left(now time.Time) time.Duration {
	return max(0, c.until.Sub(now))
}

// Cool lets the cooldown last for d from now on, unless it lasts longer already.
// begins says that one begins with it, whose end is to be found with End.
func (c *Cooldown) Cool(now time.Time, d time.Duration) (begins bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := now.Add(d); until.After(c.until) {
		c.until = until
	}
	begins = !c.begun
	c.begun = true
	return begins
}

// End ends the cooldown if its time is over (0); otherwise it says how long to
// wait before asking again, for it was prolonged. Beginnings and ends alternate.
func (c *Cooldown) End(now time.Time) (left time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if left = c.left(now); left == 0 {
		c.begun = false
	}
	return left
}
