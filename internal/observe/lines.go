// Package observe tells an operator what happens: log lines on stderr, one for
// each failure that the gateway answered. It does not know how a request is
// proxied.
package observe

import (
	"io"
	"sync/atomic"
	"time"
)

// Lines writes lines from a goroutine of its own, so that a slow, blocked or
// closed sink never holds up whoever writes: past a bound lines are dropped
// and counted.
type Lines struct {
	lines   chan []byte
	flush   chan chan struct{}
	dropped atomic.Int64
}

// queued is how many lines may wait for the sink.
const queued = 1024

// NewLines starts writing to w. It lives as long as the process.
func NewLines(w io.Writer) *Lines {
	l := &Lines{lines: make(chan []byte, queued), flush: make(chan chan struct{})}
	go l.run(w)
	return l
}

// Write queues a copy of one line. It never blocks and never fails.
func (l *Lines) Write(p []byte) (int, error) {
	select {
	case l.lines <- append([]byte(nil), p...):
	default:
		l.dropped.Add(1)
	}
	return len(p), nil
}

// Dropped is how many lines found no place.
func (l *Lines) Dropped() int64 { return l.dropped.Load() }

// Flush waits until what was queued has been written, for at most d.
func (l *Lines) Flush(d time.Duration) {
	late := time.After(d)
	done := make(chan struct{})
	select {
	case l.flush <- done:
	case <-late:
		return
	}
	select {
	case <-done:
	case <-late:
	}
}

func (l *Lines) run(w io.Writer) {
	for {
		select {
		case p := <-l.lines:
			w.Write(p)
		case done := <-l.flush:
			for len(l.lines) > 0 {
				w.Write(<-l.lines)
			}
			close(done)
		}
	}
}
