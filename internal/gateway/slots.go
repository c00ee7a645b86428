package gateway

import "ai-gw-lite/internal/limit"

// keySlots is what an exchange holds of a key; the zero value is nothing.
type keySlots struct{ key, load *limit.Slots }

func (s *keySlots) release() {
	if s.key != nil {
		s.key.Release()
	}
	if s.load != nil {
		s.load.Release()
	}
	*s = keySlots{}
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

// releaseSlots gives back the slots that the exchange holds on either side, as
// soon as its answer is out: a client that has all of it may ask again before
// this exchange is accounted for. Not sooner, while a client that does not read
// may yet hold it up.
func (x *exchange) releaseSlots() {
	x.slots.release()
	if x.admitted {
		x.gw.downstream.Release()
		x.admitted = false
	}
}
