//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// terminal tells whether a file is one, and how large it is whenever asked.
func terminal(f *os.File) (size func() (columns, rows int), ok bool) {
	if _, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err != nil {
		return nil, false
	}
	return func() (columns, rows int) {
		w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
		if err != nil || w.Col == 0 || w.Row == 0 {
			return 80, 24
		}
		return int(w.Col), int(w.Row)
	}, true
}
