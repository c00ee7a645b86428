package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// terminal tells whether a file is one that understands escape sequences, and
// how large it is whenever asked.
func terminal(f *os.File) (size func() (columns, rows int), ok bool) {
	h := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(h, &mode) != nil || windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) != nil {
		return nil, false
	}
	return func() (columns, rows int) {
		var info windows.ConsoleScreenBufferInfo
		if windows.GetConsoleScreenBufferInfo(h, &info) != nil {
			return 80, 24
		}
		return int(info.Window.Right-info.Window.Left) + 1, int(info.Window.Bottom-info.Window.Top) + 1
	}, true
}
