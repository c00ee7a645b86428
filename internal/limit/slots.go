package limit

import "sync/atomic"

// Slots counts what is in flight. The zero value is ready for use; a Slots is
// safe for use by several goroutines and must not be copied.
//
// It is exact: even under load there are never more holders than the cap, and
// nobody is refused while there is room. That is why it compares and swaps
// instead of adding first and taking back, which would let a caller that is
// about to be refused take the place of one that fits.
type Slots struct {
	n atomic.Int64

	// A cache line of its own: two busy Slots side by side would slow each
	// other down. It also keeps a Slots out of the runtime's shared blocks for
	// tiny objects, where Registry could not see that it is no longer in use.
	_ [56]byte
}

// Acquire takes a slot unless max or more are taken, and reports whether it
// did; it never waits. With max <= 0 there is no cap, but the slot is counted,
// so that a cap that a later configuration brings knows of it. Every Acquire
// that returned true is paired with exactly one Release.
//
// After max was lowered nobody gets in until usage is below it; nobody who is
// in is put out.
func (s *Slots) Acquire(max int) bool {
	if max <= 0 {
		s.n.Add(1)
		return true
	}
	for {
		n := s.n.Load()
		if n >= int64(max) {
			return false
		}
		if s.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release gives back a slot that Acquire took. It panics when there is none:
// a count below zero would let in more than the cap for ever after.
func (s *Slots) Release() {
	if s.n.Add(-1) < 0 {
		panic("limit: Release without Acquire")
	}
}

// InUse is the number of slots taken at the moment.
func (s *Slots) InUse() int64 { return s.n.Load() }
