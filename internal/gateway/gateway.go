// Package gateway takes one exchange from its request head to the last byte
// of its answer, in named steps:
//
//	match → cors → authenticate → limit → admit → rewrite → choose → forward → relay
//
// An earlier step's answer wins; account always runs last and gives back what
// was acquired. The package meets clients only as a Downstream and knows
// nothing of files, listeners or metrics.
package gateway

import (
	"sync/atomic"

	"ai-gw-lite/internal/limit"
	"ai-gw-lite/internal/upstream"
)

// Gateway serves exchanges on the snapshot in force. What must outlive a
// snapshot (windows, slots, cooldowns, sessions, idle connections) is held here,
// found by name.
type Gateway struct {
	snapshot   atomic.Pointer[Snapshot]
	observer   Observer // nil: nobody
	onCooldown func(CooldownChange)
	onDefect   func(error)

	windows    *limit.Windows
	slots      limit.Registry
	downstream *limit.Slots
	pools      *upstream.Pools
	lasting    lasting
}

// New makes a gateway that serves nothing until Use. The observer, which may
// be nil, follows every exchange.
func New(dialer *upstream.Dialer, observer Observer) *Gateway {
	return &Gateway{
		observer:   observer,
		windows:    limit.NewWindows(),
		downstream: new(limit.Slots),
		pools:      upstream.NewPools(dialer),
		lasting:    newLasting(),
	}
}

// Use puts a snapshot in force: exchanges that begin from now on are served on
// it, those in flight end on the one they began with.
func (g *Gateway) Use(s *Snapshot) {
	s.bind(g)
	g.snapshot.Store(s)
	g.retain(s)
}

// Serve carries one exchange to its end. It blocks until the answer has been
// sent or has broken off; nothing it acquired outlives it.
func (g *Gateway) Serve(d Downstream) {
	x := takeExchange(g, d)
	defer x.account()
	if err := x.run(); err != nil {
		x.end(err)
	}
}
