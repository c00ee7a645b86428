package gateway

import "ai-gw-lite/internal/limit"

// keySlots is what an exchange holds of a key; the zero value is nothing.
type keySlots struct{ key, load *limit.Slots }

func (s *keySlots) release() {
	s.lend()
	*s = keySlots{}
}

// lend gives the slots back and remembers them for retake.
func (s *keySlots) lend() {
	if s.key != nil {
		s.key.Release()
	}
	if s.load != nil {
		s.load.Release()
	}
}

// retake takes the slots again, whatever their caps.
func (s *keySlots) retake() {
	if s.key != nil {
		s.key.Acquire(0)
	}
	if s.load != nil {
		s.load.Acquire(0)
	}
}

// take sets target and key if it gets a slot of that key.
func (x *exchange) take(t *target, k *key) bool {
	if !k.slots.Acquire(k.max) {
		return false
	}
	x.target, x.key, x.slots = t, k, keySlots{key: k.slots, load: k.load}
	if k.load != nil {
		k.load.Acquire(0)
	}
	return true
}

// lendSlots gives back the slots that the exchange holds on either side, before
// the last of its answer goes out: a client that has it may ask again sooner than
// the write returns. One that does not take it would be bounded by nothing, so
// tick takes the slots again, beyond the caps if it must, unless releaseSlots
// comes within a moment.
func (x *exchange) lendSlots() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lendLocked()
	x.lent = true
	if x.watching { // else a tick is due by then
		x.timer.Reset(silence)
	}
}

func (x *exchange) lendLocked() {
	x.slots.lend()
	if x.admitted {
		x.gw.downstream.Release()
	}
}

// retakeLocked takes back slots that are lent, if they are.
func (x *exchange) retakeLocked() {
	if !x.lent {
		return
	}
	x.lent = false
	x.slots.retake()
	if x.admitted {
		x.gw.downstream.Acquire(0)
	}
}

// releaseSlots gives the slots back for good.
func (x *exchange) releaseSlots() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.lent {
		x.lendLocked()
	}
	x.lent, x.admitted, x.slots = false, false, keySlots{}
}
