package gateway

import (
	mathrand "math/rand/v2"
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/limit"
	"ai-gw-lite/internal/wire"
)

// choose finds the upstream and the key that the request goes to, and takes a
// slot of that key. The slot is held until the attempt is over, and all that
// came of its answer.
func (x *exchange) choose() error {
	if x.route.affinity != nil && !x.route.single {
		x.session = x.sessionOf()
	}
	if x.req.WebSocket && !x.route.offersWebSocket() {
		x.giveBack()
		return &errWebSocketDisabled
	}
	if !x.pickTarget() {
		x.giveBack()
		return &errUpstreamExceeded
	}
	return nil
}

// pickTarget sets target and key and takes the key's slot. False says that
// everything is full. It looks at the slots and takes one under the route's lock.
// Only an exchange of an earlier configuration can take that slot in between;
// then pickTarget looks again.
func (x *exchange) pickTarget() bool {
	r := x.route
	if r.single {
		return x.take(r.targets[0], r.targets[0].keys[0])
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.session != "" {
		x.pinned = r.sessions.Place(x.session, now, r.affinity.TTL)
	}
	if x.pinned != "" && x.takePinned(x.pinned, now) {
		return true
	}
	for {
		switch r.pick(x, now) {
		case picked:
			if x.session != "" && x.pinned == "" {
				x.pin()
			}
			return true
		case allFull:
			return false
		}
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

// pick is how a look at the slots went.
type pick uint8

const (
	picked pick = iota
	allFull
	outrun // somebody took the slot that was seen free
)

// pick applies the strategy, first to the upstreams, then to the keys of one,
// and takes a slot there. The caller holds the lock.
func (r *route) pick(x *exchange, now time.Time) pick {
	targets := x.targetOptions[:0]
	for i, t := range r.targets {
		keys := t.keyOptions(x, now)
		self := balance.Option{Priority: t.priority, Weight: t.weight, Turn: r.turns[i], CooledFor: t.cooldown.Left(now), Full: x.wantsWebSocket && !t.websocket}
		for k := range keys {
			self.Inflight += keys[k].Inflight
		}
		targets = append(targets, balance.Merge(self, keys))
	}
	x.targetOptions = targets
	ti := balance.Choose(r.strategy, targets, mathrand.Float64())
	if ti < 0 {
		return allFull
	}
	t := r.targets[ti]
	keys := t.keyOptions(x, now)
	ki := balance.Choose(r.strategy, keys, mathrand.Float64())
	if ki < 0 || !x.take(t, t.keys[ki]) {
		return outrun
	}
	balance.Turns(targets, r.turns, ti)
	balance.Turns(keys, t.turns, ki)
	return picked
}

func (t *target) keyOptions(x *exchange, now time.Time) []balance.Option {
	keys := x.keyOptions[:0]
	for i, k := range t.keys {
		failures, _ := x.failuresOf(t, k)
		keys = append(keys, balance.Option{
			Weight:    k.weight,
			Inflight:  k.load.InUse(),
			Turn:      t.turns[i],
			CooledFor: k.cooldown.Left(now),
			Failed:    failures,
			Full:      k.isFull(),
		})
	}
	x.keyOptions = keys
	return keys
}

// takePinned goes where the session was served before, unless that failed, is
// cooled or full, or the configuration has it no more.
func (x *exchange) takePinned(pinned string, now time.Time) bool {
	for _, t := range x.route.targets {
		for _, k := range t.keys {
			if k.place == pinned {
				return x.isReady(t, k, now) && x.take(t, k)
			}
		}
	}
	return false
}

func (x *exchange) isReady(t *target, k *key, now time.Time) bool {
	failures, _ := x.failuresOf(t, k)
	if x.wantsWebSocket && !t.websocket || failures > 0 || k.isFull() {
		return false
	}
	return t.cooldown.Left(now) == 0 && k.cooldown.Left(now) == 0
}

// pin keeps the session where it is served. One that is new is pinned when its
// first request goes there: the next may come before that is answered.
func (x *exchange) pin() {
	x.pinned = x.key.place
	x.route.sessions.Pin(x.session, x.pinned, time.Now(), x.route.affinity.TTL)
}

// keepPin has the session stay where it was answered, unless another of its
// requests has moved it since this one was sent.
func (x *exchange) keepPin() {
	if x.session == "" {
		return
	}
	at := x.route.sessions.Place(x.session, time.Now(), x.route.affinity.TTL)
	if at == "" || at == x.pinned {
		x.pin()
	}
}

func (x *exchange) sessionOf() string {
	name := x.route.affinity.Header
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; wire.EqualFold(f.Name, name) && len(f.Value) > 0 {
			return string(f.Value)
		}
	}
	return ""
}

func (r *route) offersWebSocket() bool {
	for _, t := range r.targets {
		if t.websocket {
			return true
		}
	}
	return false
}
