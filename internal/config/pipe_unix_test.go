//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func namedPipe(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	return path
}

// Whoever waits for the file holds up a start, a reload or an upgrade.
func TestPipeThatNobodyWritesIntoIsNotWaitedForForever(t *testing.T) {
	path := namedPipe(t)
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		_, err := Load(path, OS())
		if err == nil || !strings.Contains(err.Error(), path+": cannot be read: it is a pipe, and its end has not come within 10s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begun); took > pipePatience+time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestPipeIsReadToItsEndHoweverLateItsWriterComes(t *testing.T) {
	path := namedPipe(t)
	written := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // once the reader is there
		if err == nil {
			for _, part := range []string{"first, ", strings.Repeat("x", 200_000), " and last"} {
				if _, err = f.WriteString(part); err != nil {
					break
				}
			}
			f.Close()
		}
		written <- err
	}()
	got, err := OS().ReadFile(path)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if want := "first, " + strings.Repeat("x", 200_000) + " and last"; err != nil || string(got) != want {
		t.Errorf("read %d bytes of %d, %v", len(got), len(want), err)
	}
}
