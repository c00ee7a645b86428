package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() { roles["hush"] = hushOnce }

// due is how long after a moment without hush the runtime prints, and hushes how
// long that is hushed up before and after.
const due, hushes = 600 * time.Millisecond, 300 * time.Millisecond

// hushOnce has descriptor 2 at /dev/null and the standard error stream at 3.
func hushOnce() {
	null, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		panic(err)
	}
	var period time.Duration
	fmt.Sscanf(os.Getenv("GODEBUG"), schedtrace+"%d", &period)
	h := &hush{os.NewFile(3, "stderr"), null, period * time.Millisecond, hushes}
	if err := h.start(); err != nil {
		panic(err)
	}
	awaitStderr()
	println("before")
	for _, hushed := range []bool{true, false} {
		for end := time.Now().Add(10 * time.Second); twoIsNull() != hushed; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				fmt.Fprintln(h.stderr, "hushed:", !hushed)
				return
			}
		}
		if hushed {
			println("meanwhile")
		}
	}
	println("after")
	panic("a defect")
}

func twoIsNull() bool {
	to, _ := os.Readlink("/proc/self/fd/2")
	return to == os.DevNull
}

// The runtime prints its state at moments that are known, with all threads
// waiting for whoever reads it: then, and only then, nothing reaches stderr.
func TestPrintOfTheSchedulersStateIsHushedUp(t *testing.T) {
	for name, period := range map[string]func() time.Duration{
		"on a machine that was started lately": func() time.Duration { return uptime(t) + due },
		"on one that has been up for long":     func() time.Duration { return atStart + due },
	} {
		t.Run(name, func(t *testing.T) {
			period := period()
			if period > neverMillis*time.Millisecond {
				t.Skip("it was not")
			}
			ours, theirs, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			c := exec.Command(os.Args[0])
			c.ExtraFiles = []*os.File{theirs}
			c.Env = append(os.Environ(), role+"=hush", fmt.Sprintf("GODEBUG=%s%d", schedtrace, period.Milliseconds()))
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			theirs.Close()
			stderr, err := io.ReadAll(ours)
			c.Wait()
			before, crash, _ := strings.Cut(string(stderr), "SCHED") // a crash prints it too
			if before != "before\nafter\n" || strings.Count(crash, "a defect") != 1 {
				t.Errorf("%v, %q, then %q", err, before, crash)
			}
		})
	}
}

func uptime(t *testing.T) time.Duration {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &up); err != nil {
		t.Fatal(err)
	}
	return time.Duration(up.Nano())
}
