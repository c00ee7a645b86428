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

// start begins, with descriptor 2 being /dev/null, as the program does. The
// runtime prints when the clock of the machine is a period further than at the
// print before, and at first than 0: perhaps now.
func (h *hush) start() error {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return fmt.Errorf("reading the clock: %w", err)
	}
	print := time.Now()
	if up := time.Duration(t.Nano()); up < h.period-h.margin {
		print = print.Add(-up)
	}
	h.begin()
	h.around(print)
	return nil
}

// around ends the hush of a print that is due or over, and sees to the next.
func (h *hush) around(print time.Time) {
	if left := time.Until(print.Add(h.margin)); left > 0 {
		time.AfterFunc(left, func() { h.around(print) })
		return
	}
	h.end()
	next := print.Add(h.period)
	time.AfterFunc(time.Until(next.Add(-h.margin)), func() {
		h.begin()
		h.around(next)
	})
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
