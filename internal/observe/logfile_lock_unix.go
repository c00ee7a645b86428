//go:build linux || darwin

package observe

import (
	"os"
	"syscall"
)

// lockFolder keeps other processes from turning the files of a folder until
// unlock. Where a file system knows no locks it does nothing. The lock ends with
// its process, and leaves no file behind.
func lockFolder(dir string) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX) == syscall.EINTR {
	}
	return func() { f.Close() }
}
