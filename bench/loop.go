package main

import (
	"container/heap"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

var (
	errInterrupted = errors.New("interrupted")
	errTooSlow     = errors.New("took too long")
)

var epoch = time.Now()

// now is the monotonic time in nanoseconds since the program started.
func now() int64 { return int64(time.Since(epoch)) }

// A handler owns one descriptor in a loop. ready must not block.
type handler interface {
	ready(events uint32)
}

// A timer calls fire once, at or after when. The zero timer is stopped.
type timer struct {
	when  int64
	fire  func(now int64)
	index int // in the heap, plus one; 0 when stopped
}

// loop is one epoll instance with timers, run by one thread: upstream and load
// generator share it, so that neither steals the core from the other in the
// middle of a measurement, and a timestamp of one can be compared with the
// other's. Raw system calls instead of Go's netpoller: a goroutine pair per
// request would cost more than the proxies that are measured.
type loop struct {
	epfd        int
	handlers    []handler // by descriptor
	timers      timerHeap
	events      [512]syscall.EpollEvent
	scratch     []byte // for one read; valid until the handler returns
	failure     error
	interrupted atomic.Bool
}

func newLoop() (*loop, error) {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	setTimerSlack()
	return &loop{epfd: epfd, scratch: make([]byte, 256<<10)}, nil
}

func (l *loop) close() { syscall.Close(l.epfd) }

// interrupt makes run return errInterrupted, now and from then on. It may be
// called from any goroutine.
func (l *loop) interrupt() { l.interrupted.Store(true) }

// fail makes run return err; the first failure is kept.
func (l *loop) fail(err error) {
	if l.failure == nil {
		l.failure = err
	}
}

func (l *loop) add(fd int, h handler, events uint32) error {
	for fd >= len(l.handlers) {
		l.handlers = append(l.handlers, make([]handler, fd+64-len(l.handlers))...)
	}
	l.handlers[fd] = h
	return l.control(syscall.EPOLL_CTL_ADD, fd, events)
}

func (l *loop) modify(fd int, events uint32) {
	if err := l.control(syscall.EPOLL_CTL_MOD, fd, events); err != nil {
		l.fail(err)
	}
}

func (l *loop) control(op, fd int, events uint32) error {
	ev := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	if err := syscall.EpollCtl(l.epfd, op, fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// remove forgets fd; the caller closes it, which ends its epoll registration.
func (l *loop) remove(fd int) { l.handlers[fd] = nil }

// set arms t for when, whether or not it is armed already.
func (l *loop) set(t *timer, when int64) {
	t.when = when
	if t.index > 0 {
		heap.Fix(&l.timers, t.index-1)
		return
	}
	heap.Push(&l.timers, t)
}

func (l *loop) stop(t *timer) {
	if t.index > 0 {
		heap.Remove(&l.timers, t.index-1)
	}
}

// runFor handles events for d.
func (l *loop) runFor(d time.Duration) error {
	return l.run(now()+int64(d), nil)
}

// runUntil handles events until done holds, for at most limit.
func (l *loop) runUntil(done func() bool, limit time.Duration) error {
	return l.run(now()+int64(limit), done)
}

func (l *loop) run(deadline int64, done func() bool) error {
	for {
		t := now()
		for len(l.timers) > 0 && l.timers[0].when <= t {
			heap.Pop(&l.timers).(*timer).fire(t)
		}
		switch {
		case l.interrupted.Load():
			return errInterrupted
		case l.failure != nil:
			err := l.failure
			l.failure = nil
			return err
		case done != nil && done():
			return nil
		case t >= deadline && done == nil:
			return nil
		case t >= deadline:
			return errTooSlow
		}
		wake := min(deadline, t+int64(100*time.Millisecond))
		if len(l.timers) > 0 {
			wake = min(wake, l.timers[0].when)
		}
		n, err := l.wait(max(0, wake-now()))
		if err != nil {
			return err
		}
		for _, ev := range l.events[:n] {
			if h := l.handlers[ev.Fd]; h != nil {
				h.ready(ev.Events)
			}
		}
	}
}

// wait is epoll_pwait2 (Linux 5.11): epoll_wait's milliseconds are too coarse
// to pace events.
func (l *loop) wait(ns int64) (int, error) {
	const epollPwait2 = 441 // on every architecture
	ts := syscall.NsecToTimespec(ns)
	n, _, errno := syscall.Syscall6(epollPwait2, uintptr(l.epfd),
		uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case syscall.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("epoll_pwait2: %w", errno)
}

// setTimerSlack asks the kernel to wake this thread on time: the default
// slack of 50 µs would show in every paced event.
func setTimerSlack() {
	const prSetTimerslack = 29
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerslack, 1, 0)
}

type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].when < h[j].when }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	*h = append(*h, t)
	t.index = len(*h)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = 0
	return t
}
