package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// cpuTime is the CPU time that the processes have used, from the kernel's
// process clock (clock_getcpuclockid): nanoseconds of scheduled time, threads
// that have ended included. /proc/PID/stat shows the same sum in ticks of
// 10 ms, /proc/PID/schedstat the main thread alone.
func cpuTime(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		const schedClock = 2 // CPUCLOCK_SCHED; the pid stands inverted above it
		clock := int32(^pid)<<3 | schedClock
		var ts syscall.Timespec
		_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0)
		if errno != 0 {
			return 0, fmt.Errorf("CPU clock of process %d: %w", pid, errno)
		}
		sum += time.Duration(ts.Nano())
	}
	return sum, nil
}

// machineBusy is the CPU time that anything on this machine has used since it
// started, with what the hypervisor took, to the tick (10 ms).
func machineBusy() time.Duration {
	data, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(data), "\n")
	var ticks int64
	for i, field := range strings.Fields(line)[1:] {
		const idle, iowait, steal = 3, 4, 7
		if i == idle || i == iowait || i > steal {
			continue // guest time is in user time already
		}
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// usage is what a measurement cost.
type usage struct {
	wall, proxy, load, others time.Duration
}

// meter reads the clocks at the start of a measurement.
type meter struct {
	pids    []int
	at      time.Time
	proxy   time.Duration
	load    time.Duration
	machine time.Duration
}

func startMeter(pids []int) (*meter, error) {
	m := &meter{pids: pids, at: time.Now(), machine: machineBusy()}
	var err error
	if m.load, err = cpuTime([]int{os.Getpid()}); err != nil {
		return nil, err
	}
	m.proxy, err = cpuTime(pids)
	return m, err
}

func (m *meter) stop() (usage, error) {
	proxy, err := cpuTime(m.pids)
	if err != nil {
		return usage{}, err
	}
	load, err := cpuTime([]int{os.Getpid()})
	if err != nil {
		return usage{}, err
	}
	u := usage{wall: time.Since(m.at), proxy: proxy - m.proxy, load: load - m.load}
	u.others = max(0, machineBusy()-m.machine-u.proxy-u.load)
	return u, nil
}

func share(part, whole time.Duration) float64 { return 100 * float64(part) / float64(whole) }
