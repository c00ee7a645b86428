package gateway

import (
	"time"

	"ai-gw-lite/internal/wire"
)

// sessionOf is the value of the affinity header; empty: the request is of no
// session.
func (x *exchange) sessionOf() string {
	name := x.route.affinity.Header
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; wire.EqualFold(f.Name, name) && len(f.Value) > 0 {
			return string(f.Value)
		}
	}
	return ""
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
