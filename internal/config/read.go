package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// pipePatience is how long a pipe may take until its end: whoever waits for it
// holds up a start, a reload or an upgrade.
const pipePatience = 10 * time.Second

var errTooLarge = errors.New("it is larger than 1 MiB")

func readBounded(path string) ([]byte, error) { return read(path, pipePatience) }

// read reads a file, or a pipe that somebody writes into. Opened in the usual way
// a pipe without a writer would be waited for, perhaps for ever; so it is empty.
func read(path string, patience time.Duration) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(patience)) // files have none
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("it is a pipe, and its end has not come within %v", patience)
	case err == nil && len(b) > maxFile:
		err = errTooLarge
	}
	return b, err
}
