package server

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// firstHeads ends connections on which no request has come in time, counted
// from their opening as over HTTP/1.1. Go's server would keep one for its idle
// time; to that it also holds the later heads of a connection without streams.
type firstHeads struct {
	mu   sync.Mutex
	owed map[net.Conn]*firstHead
}

// firstHead is the head that a new connection owes.
type firstHead struct {
	timer   *time.Timer
	greeted bool // the preface has come
}

// expect has c closed at the deadline unless a head has come by then.
func (f *firstHeads) expect(c net.Conn, deadline time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.owed == nil {
		f.owed = make(map[net.Conn]*firstHead)
	}
	f.owed[c] = &firstHead{timer: time.AfterFunc(time.Until(deadline), func() {
		if f.forget(c) {
			c.Close()
		}
	})}
}

// note learns from what Go's server says of c: active and idle when it has read
// the preface, then active again when it has read a head.
func (f *firstHeads) note(c net.Conn, s http.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	owed := f.owed[c]
	switch {
	case owed == nil:
	case s == http.StateIdle:
		owed.greeted = true
	case s == http.StateClosed, s == http.StateActive && owed.greeted:
		f.drop(c)
	}
}

// forget reports whether c still owed its head.
func (f *firstHeads) forget(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.owed[c] == nil {
		return false
	}
	f.drop(c)
	return true
}

// drop is forget for who holds the lock and has looked.
func (f *firstHeads) drop(c net.Conn) {
	f.owed[c].timer.Stop()
	delete(f.owed, c)
}
