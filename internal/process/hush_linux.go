package process

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// hush makes descriptor 2 /dev/null around the moments at which the runtime
// prints the state of its scheduler, and the standard error stream between them:
// what a fatal error is, the runtime says there alone.
type hush struct {
	stderr *os.File      // where crashes are printed meanwhile
	null   int           // /dev/null
	period time.Duration // from one print to the next
	margin time.Duration // how long before a print it begins, and after it ends
}

// atStart is how long the print may take that is due as the program begins.
const atStart = 2 * time.Second

// start begins, with descriptor 2 being /dev/null, as the program does. The
// runtime prints when the clock of the machine is a period further than at the
// print before, and at first than 0: perhaps now.
func (h *hush) start() error {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		h.end()
		return fmt.Errorf("reading the clock: %w", err)
	}
	now := time.Now()
	switch left := h.period - time.Duration(t.Nano()); {
	case left > h.margin:
		h.await(now.Add(left))
	case left > 0:
		h.begin()
		h.pass(now.Add(left), h.margin)
	default:
		h.begin()
		h.pass(now, atStart)
	}
	return nil
}

// await ends a hush and begins the next one before the next print.
func (h *hush) await(print time.Time) {
	h.end()
	time.AfterFunc(time.Until(print.Add(-h.margin)), func() {
		h.begin()
		if now := time.Now(); now.After(print) { // all stood still meanwhile: it is due now
			print = now
		}
		h.pass(print, h.margin)
	})
}

func (h *hush) pass(print time.Time, margin time.Duration) {
	time.AfterFunc(time.Until(print.Add(margin)), func() { h.await(print.Add(h.period)) })
}

func (h *hush) begin() {
	debug.SetCrashOutput(h.stderr, debug.CrashOptions{})
	unix.Dup3(h.null, 2, 0)
}

func (h *hush) end() {
	if unix.Dup3(int(h.stderr.Fd()), 2, 0) == nil {
		debug.SetCrashOutput(nil, debug.CrashOptions{})
	}
}
