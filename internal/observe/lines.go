package observe

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Lines writes lines from a goroutine of its own, so that a slow, blocked or
// closed sink never holds up whoever writes: past a bound lines are dropped
// and counted. What has gathered goes out in one write.
type Lines struct {
	w       io.Writer
	linger  time.Duration // to let lines gather
	wake    chan struct{}
	flush   chan chan struct{}
	quit    chan struct{}
	dropped atomic.Int64

	mu      sync.Mutex
	waiting []byte

	// The goroutine's own:
	spare []byte // the last batch's memory
	torn  bool   // the sink took a part of a line and no more
}

const (
	mayWait  = 1 << 20   // bytes
	enough   = 64 << 10  // are not made to wait for more
	keptIdle = 128 << 10 // of a batch's memory
)

// NewLines starts writing to w, each line as soon as it can be. It lives until
// Close.
func NewLines(w io.Writer) *Lines { return newLines(w, 0) }

func newLines(w io.Writer, linger time.Duration) *Lines {
	l := &Lines{w: w, linger: linger, wake: make(chan struct{}, 1), flush: make(chan chan struct{}), quit: make(chan struct{})}
	go l.run()
	return l
}

// Write queues a copy of one line, its end included. It never blocks and never
// fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	before := len(l.waiting)
	fits := before+len(p) <= mayWait
	if fits {
		l.waiting = append(l.waiting, p...)
	}
	l.mu.Unlock()
	switch {
	case !fits:
		l.dropped.Add(1)
	case before == 0, before < enough && before+len(p) >= enough:
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return len(p), nil
}

// Dropped is how many lines found no place, or a sink that would not take them.
func (l *Lines) Dropped() int64 { return l.dropped.Load() }

// Flush waits until what was queued has been written, for at most d.
func (l *Lines) Flush(d time.Duration) {
	late := time.NewTimer(d)
	defer late.Stop()
	done := make(chan struct{})
	select {
	case l.flush <- done:
	case <-l.quit:
		return
	case <-late.C:
		return
	}
	select {
	case <-done:
	case <-late.C:
	}
}

// Close flushes and ends the goroutine, unless its sink blocks for good.
// Nothing is to be written afterwards.
func (l *Lines) Close(d time.Duration) {
	l.Flush(d)
	close(l.quit)
}

func (l *Lines) run() {
	for {
		select {
		case <-l.wake:
			l.gather()
			l.write()
		case done := <-l.flush:
			l.write()
			close(done)
		case <-l.quit:
			return
		}
	}
}

// gather gives a batch its time, unless it is large enough or somebody waits
// for it.
func (l *Lines) gather() {
	if l.linger == 0 {
		return
	}
	late := time.NewTimer(l.linger)
	defer late.Stop()
	select {
	case <-late.C:
	case <-l.wake:
	case done := <-l.flush:
		l.write()
		close(done)
	case <-l.quit:
	}
}

// write hands everything that waits to the sink. It blocks as long as the sink
// does.
func (l *Lines) write() {
	l.mu.Lock()
	batch := l.waiting
	l.waiting = l.spare
	l.mu.Unlock()
	if len(batch) > 0 {
		l.hand(batch)
	}
	if cap(batch) > keptIdle && len(batch) < keptIdle/2 { // the rush is over
		batch = nil
	}
	l.spare = batch[:0]
}

// hand gives the sink a batch. What is left there of a line that was torn, by
// a disk that was full, stays a line of its own: the next one begins anew.
func (l *Lines) hand(batch []byte) {
	mends := 0 // bytes
	if l.torn {
		batch, mends = append([]byte{'\n'}, batch...), 1
	}
	n, err := l.w.Write(batch)
	if err == nil {
		l.torn = false
		return
	}
	if n > 0 {
		l.torn = batch[n-1] != '\n'
	}
	l.dropped.Add(int64(bytes.Count(batch[max(n, mends):], []byte{'\n'})))
}
