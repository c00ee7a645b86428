package gateway

import (
	"sync"
	"time"
)

// tunnelLeave notices a client that leaves a tunnel while what it said waits for
// an upstream that takes nothing: nobody reads from the client then, and no
// budget ends the tunnel.
type tunnelLeave struct {
	hasLeft func() bool
	end     func() // must free a write that waits

	mu      sync.Mutex // over all that follows
	timer   *time.Timer
	writing bool
	left    bool
}

// watched is write for the upstream.
func (l *tunnelLeave) watched(write func([]byte) error) func([]byte) error {
	return func(p []byte) error {
		l.begin()
		defer l.done()
		return write(p)
	}
}

func (l *tunnelLeave) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = true
	if l.timer == nil {
		l.timer = time.AfterFunc(leftCheck, l.look)
	} else {
		l.timer.Reset(leftCheck)
	}
}

func (l *tunnelLeave) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	l.timer.Stop()
}

// look may come late, in the middle of another write: a client that has left
// then has left all the same.
func (l *tunnelLeave) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.writing:
	case l.hasLeft():
		l.left = true
		l.end()
	default:
		l.timer.Reset(leftCheck)
	}
}

// ended reports whether the client's leave has ended the tunnel.
func (l *tunnelLeave) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left
}
