//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
func TestPipeIsNotWaitedForForever(t *testing.T) {
	path := namedPipe(t)
	if _, err := Load(path, OS()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("without a writer: got %v", err)
	}
	silent, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := read(path, time.Millisecond); err == nil || !strings.Contains(err.Error(), "its end has not come") {
		t.Errorf("without an end: got %v", err)
	}
}

func TestPipeIsReadToItsEnd(t *testing.T) {
	path := namedPipe(t)
	both, err := os.OpenFile(path, os.O_RDWR, 0) // so that the writer need not wait for the reader
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	both.Close()
	go func() {
		defer w.Close()
		for _, part := range []string{"first, ", strings.Repeat("x", 200_000), " and last"} {
			w.WriteString(part)
		}
	}()
	got, err := OS().ReadFile(path)
	if want := "first, " + strings.Repeat("x", 200_000) + " and last"; err != nil || string(got) != want {
		t.Errorf("read %d bytes of %d, %v", len(got), len(want), err)
	}
}
