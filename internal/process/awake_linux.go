package process

import (
	"fmt"
	"log"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	schedtrace = "schedtrace="
	// never is the setting with the longest period, 24.8 days.
	never       = "," + schedtrace + "2147483647"
	neverMillis = math.MaxInt32
	// stderrAt names the descriptor that is the standard error stream.
	stderrAt = "AI_GW_LITE_STDERR"
)

// StayAwake keeps the runtime's monitor thread from the deep sleep into which it
// falls whenever all is idle, and out of which the next system call has to wake
// it. For streams that bring an event every few milliseconds, that is 40 % of an
// event's CPU time: docs/decisions/0005-runtime-monitor.md.
//
// The runtime reads the setting that does it, schedtrace, when a program begins.
// So the program begins anew, in the same process, and StayAwake returns there.
// What the setting is meant for is to print, with all threads waiting for it:
// then descriptor 2 is /dev/null, and os.Stderr is another one.
//
// It must be the first to be called: what was caught of signals or opened until
// then is lost. On an error nothing has changed. A schedtrace that stands in
// GODEBUG already is kept. Under the race detector, which reports to descriptor 2,
// it does nothing.
func StayAwake() error {
	if underRace {
		return nil
	}
	return stayAwake()
}

func stayAwake() error {
	if at, again := os.LookupEnv(stderrAt); again {
		return awake(at)
	}
	if strings.Contains(os.Getenv("GODEBUG"), schedtrace) {
		return nil
	}
	if _, err := os.Executable(); err != nil { // a guess will not do
		return err
	}
	self, err := Executable() // by the name it was given, which ps and pidof know
	if err != nil {
		return err
	}
	fd, err := unix.FcntlInt(2, unix.F_DUPFD, 3)
	if err != nil {
		return fmt.Errorf("duplicating stderr: %w", err)
	}
	defer unix.Close(fd)
	null, err := unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening %s: %w", os.DevNull, err)
	}
	defer unix.Close(null)
	if err := unix.Dup3(null, 2, 0); err != nil {
		return fmt.Errorf("replacing stderr: %w", err)
	}
	defer unix.Dup3(fd, 2, 0)
	var descriptors unix.Rlimit // Go raised it, and takes that back before it knows that exec fails
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &descriptors); err != nil {
		return fmt.Errorf("reading how many descriptors there may be: %w", err)
	}
	defer unix.Prlimit(0, unix.RLIMIT_NOFILE, &descriptors, nil)
	return fmt.Errorf("starting anew: %w", syscall.Exec(self, os.Args, environment(fd)))
}

func environment(stderr int) []string {
	rest := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "GODEBUG=") })
	return append(rest, "GODEBUG="+os.Getenv("GODEBUG")+never, stderrAt+"="+strconv.Itoa(stderr))
}

// awake is what is left to do in the program that has begun anew.
func awake(at string) error {
	os.Unsetenv(stderrAt)
	if before := strings.TrimSuffix(os.Getenv("GODEBUG"), never); before != "" {
		os.Setenv("GODEBUG", before)
	} else {
		os.Unsetenv("GODEBUG")
	}
	fd, err := strconv.Atoi(at)
	if err != nil {
		return fmt.Errorf("%s: %w", stderrAt, err)
	}
	unix.CloseOnExec(fd)
	two = os.Stderr
	os.Stderr = os.NewFile(uintptr(fd), "/dev/stderr")
	log.SetOutput(os.Stderr)
	null, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		unix.Dup3(fd, 2, 0)
		return fmt.Errorf("duplicating %s: %w", os.DevNull, err)
	}
	return (&hush{os.Stderr, null, neverMillis * time.Millisecond, time.Minute}).start()
}

// two is the file of descriptor 2. Nobody else holds it, and without it the
// garbage collector would close the descriptor.
//
//lint:ignore U1000 it is only to be reachable
var two *os.File
