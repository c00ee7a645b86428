package balance

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"time"
)

// maxSessions is how many sessions an Affinity remembers; the one not seen for
// longest is forgotten first.
const maxSessions = 100_000

// Affinity remembers which upstream and key served a session, since that is
// where its prompt cache lives. Sessions are kept by hash: what clients send
// neither takes much memory nor can be read back.
type Affinity struct {
	mu       sync.Mutex
	sessions map[[sha256.Size]byte]*list.Element
	order    list.List // of *session, the latest seen first
}

type session struct {
	id    [sha256.Size]byte
	place string
	seen  time.Time
}

// Place is where the session was last served, or empty: it is unknown, or was
// not seen for ttl. To be seen keeps it for another ttl.
func (a *Affinity) Place(id string, now time.Time, ttl time.Duration) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.sessions[sha256.Sum256([]byte(id))]
	if e == nil {
		return ""
	}
	s := e.Value.(*session)
	if now.Sub(s.seen) >= ttl {
		a.forget(e)
		return ""
	}
	s.seen = now
	a.order.MoveToFront(e)
	return s.place
}

// Pin remembers where the session was served.
func (a *Affinity) Pin(id, place string, now time.Time, ttl time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := sha256.Sum256([]byte(id))
	if e := a.sessions[key]; e != nil {
		s := e.Value.(*session)
		s.place, s.seen = place, now
		a.order.MoveToFront(e)
		return
	}
	a.makeRoom(now, ttl)
	if a.sessions == nil {
		a.sessions = make(map[[sha256.Size]byte]*list.Element)
	}
	a.sessions[key] = a.order.PushFront(&session{id: key, place: place, seen: now})
}

// makeRoom forgets what is beyond the bound, and a few of what is out of date:
// never so many that others wait, yet more than come, so that all go in the end.
func (a *Affinity) makeRoom(now time.Time, ttl time.Duration) {
	for range 4 {
		last := a.order.Back()
		if last == nil || a.order.Len() < maxSessions && now.Sub(last.Value.(*session).seen) < ttl {
			return
		}
		a.forget(last)
	}
}

func (a *Affinity) forget(e *list.Element) {
	delete(a.sessions, e.Value.(*session).id)
	a.order.Remove(e)
}
