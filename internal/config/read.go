package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// pipePatience is how long a pipe may take until its end: whoever waits for it
// holds up a start, a reload or an upgrade.
const pipePatience = 10 * time.Second

var (
	errTooLarge   = errors.New("it is larger than 1 MiB")
	errSilentPipe = fmt.Errorf("it is a pipe, and its end has not come within %v", pipePatience)
)

func readBounded(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return readPipe(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errTooLarge
	}
	return b, err
}

// readPipe reads a pipe, whose writer may be still to come: opened in the usual
// way it would wait for one for ever. Until then it seems to have ended.
func readPipe(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	end := time.Now().Add(pipePatience)
	_ = f.SetReadDeadline(end) // not every system has them for pipes
	var all []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := f.Read(buf)
		all = append(all, buf[:n]...)
		switch {
		case len(all) > maxFile:
			return nil, errTooLarge
		case err == io.EOF && len(all) > 0:
			return all, nil
		case !time.Now().Before(end):
			return nil, errSilentPipe
		case err == io.EOF, errors.Is(err, syscall.EAGAIN):
			time.Sleep(20 * time.Millisecond)
		case err != nil:
			return nil, err
		}
	}
}
