package gateway

import (
	mathrand "math/rand/v2"
	"time"

	"ai-gw-lite/internal/balance"
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

// pickResult is how a look at the slots went.
type pickResult uint8

const (
	picked pickResult = iota
	allFull
	outrun // somebody took the slot that was seen free
)

// pick applies the strategy, first to the upstreams, then to the keys of one,
// and takes a slot there. The caller holds the lock.
func (r *route) pick(x *exchange, now time.Time) pickResult {
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

func (r *route) offersWebSocket() bool {
	for _, t := range r.targets {
		if t.websocket {
			return true
		}
	}
	return false
}
