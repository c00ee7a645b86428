package observe

import (
	"sync"
	"sync/atomic"
)

// live holds the exchanges in flight. It has parts, each with a lock that is
// taken when an exchange begins and when it ends, and for a moment by whoever
// looks; what happens in between takes no lock.
type live struct {
	serial atomic.Uint64
	parts  [16]struct {
		mu  sync.Mutex
		all map[*recorder]struct{}
		_   [40]byte // to the end of the cache line
	}
}

func (l *live) add(r *recorder) {
	r.view.serial = l.serial.Add(1)
	p := &l.parts[r.view.serial%uint64(len(l.parts))]
	p.mu.Lock()
	if p.all == nil {
		p.all = make(map[*recorder]struct{})
	}
	p.all[r] = struct{}{}
	p.mu.Unlock()
}

// remove makes sure that nobody looks at the recorder any more.
func (l *live) remove(r *recorder) {
	p := &l.parts[r.view.serial%uint64(len(l.parts))]
	p.mu.Lock()
	delete(p.all, r)
	p.mu.Unlock()
}
