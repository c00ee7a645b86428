package systemd

import (
	"syscall"
	"unsafe"
)

// monotonic is the time in microseconds of the clock that systemd goes by. Go
// does not show the readings of its own.
func monotonic() (int64, error) {
	const clockMonotonic = 1 // clock_gettime(2)
	var t syscall.Timespec
	if _, _, e := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0); e != 0 {
		return 0, e
	}
	return t.Nano() / 1000, nil
}
