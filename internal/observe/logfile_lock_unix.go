//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package observe

import (
	"os"
	"syscall"
	"time"
)

const lockPatience = time.Second // a turn takes milliseconds

// lockFolder keeps other processes from turning the files of a folder until
// unlock. Where a file system knows no locks, or somebody else keeps the folder
// locked, it does nothing. The lock ends with its process, and leaves no file
// behind.
func lockFolder(dir string) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for end := time.Now().Add(lockPatience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			break
		}
	}
	return func() { f.Close() }
}
