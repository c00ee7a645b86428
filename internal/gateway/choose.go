package gateway

import (
	mathrand "math/rand/v2"
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/wire"
)

// choose finds the upstream and the key that the request goes to, and takes a
// slot of that key. The slot is held until the attempt is over.
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
	x.outcome.Upstream, x.outcome.Key = x.target.name, x.key.id
	return nil
}

// pickTarget sets target and key and takes the key's slot. False says that
// everything is full.
func (x *exchange) pickTarget() bool {
	r := x.route
	if r.single {
		x.target, x.key = r.targets[0], r.targets[0].keys[0]
		return x.takeSlot()
	}
	for r.pick(x) {
		if x.takeSlot() {
			return true
		}
		// Somebody took the slot that was seen free: the key is full now.
	}
	return false
}

func (x *exchange) takeSlot() bool {
	if !x.key.slots.Acquire(x.key.max) {
		return false
	}
	x.slot = x.key.slots
	if x.load = x.key.load; x.load != nil {
		x.load.Acquire(0)
	}
	return true
}

func (x *exchange) releaseSlot() {
	if x.slot == nil {
		return
	}
	x.slot.Release()
	if x.load != nil {
		x.load.Release()
	}
	x.slot, x.load = nil, nil
}

// pick goes where the session was served before, unless something speaks
// against it. Otherwise it applies the strategy, first to the upstreams, then
// to the keys of one. A session that is new stays there from now on: the next
// of its requests may come before this one is answered.
func (r *route) pick(x *exchange) bool {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	pinned := ""
	if x.session != "" {
		pinned = r.sessions.Place(x.session, now, r.affinity.TTL)
	}
	if pinned != "" && x.pickPinned(pinned, now) {
		return true
	}
	targets := x.targetOptions[:0]
	for i, t := range r.targets {
		keys := t.keyOptions(x, now)
		self := balance.Option{Priority: t.priority, Weight: t.weight, Turn: r.turns[i], Rests: t.rest.Left(now), Full: x.wantsWebSocket && !t.websocket}
		for k := range keys {
			self.Inflight += keys[k].Inflight
		}
		targets = append(targets, balance.Merge(self, keys))
	}
	x.targetOptions = targets
	ti := balance.Choose(r.strategy, targets, mathrand.Float64())
	if ti < 0 {
		return false
	}
	t := r.targets[ti]
	keys := t.keyOptions(x, now)
	ki := balance.Choose(r.strategy, keys, mathrand.Float64())
	if ki < 0 {
		return false
	}
	balance.Turns(targets, r.turns, ti)
	balance.Turns(keys, t.turns, ki)
	x.target, x.key = t, t.keys[ki]
	if x.session != "" && pinned == "" {
		x.pin()
	}
	return true
}

func (t *target) keyOptions(x *exchange, now time.Time) []balance.Option {
	keys := x.keyOptions[:0]
	for i, k := range t.keys {
		failures, _ := x.failuresOf(t, k)
		keys = append(keys, balance.Option{
			Weight:   k.weight,
			Inflight: k.load.InUse(),
			Turn:     t.turns[i],
			Rests:    k.rest.Left(now),
			Failed:   failures,
			Full:     k.isFull(),
		})
	}
	x.keyOptions = keys
	return keys
}

func (x *exchange) pickPinned(pinned string, now time.Time) bool {
	for _, t := range x.route.targets {
		for _, k := range t.keys {
			if k.place == pinned {
				x.target, x.key = t, k
				return x.isReady(t, k, now)
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
	return t.rest.Left(now) == 0 && k.rest.Left(now) == 0
}

// pin keeps the session where it was served.
func (x *exchange) pin() {
	if x.session != "" {
		x.route.sessions.Pin(x.session, x.key.place, time.Now(), x.route.affinity.TTL)
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
