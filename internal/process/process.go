// Package process is what the program is to its machine: a process with a PID
// file, an executable, and perhaps a successor that takes its port over without
// closing it. It knows nothing of HTTP or configuration.
//
// An upgrade in place goes like this. The old process starts the executable
// again with its own arguments and hands down two descriptors: the listening
// socket, and the end of a pipe (Start). The new one finds them by an
// environment variable (Inherit), does all that can fail, begins to accept on
// the same socket and says so on the pipe (Ready). Connections that wait in the
// socket's queue meanwhile are accepted by whoever comes first, so none is
// refused. Only then does the old one stop accepting.
package process

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Executable is where this process was started from, to start what lies there
// at another time. It is the path as it was given: links in it are followed
// when it is used. To be called early: it depends on the working directory.
func Executable() (string, error) {
	real, unknown := os.Executable() // where there is no /proc
	given, err := exec.LookPath(os.Args[0])
	if err == nil {
		given, err = filepath.Abs(given)
	}
	if err != nil || unknown == nil && !same(given, real) { // the name was made up by whoever started us
		return real, unknown
	}
	return given, nil
}

func same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
