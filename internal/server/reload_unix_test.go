//go:build unix

package server

import (
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"
)

// A named pipe holds loading up between the configuration and its end.
func TestChangeWhileLoadingIsNotMissed(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/gateway.yaml"
	if err := syscall.Mkfifo(dir+"/secret", 0o600); err != nil {
		t.Skip(err)
	}
	write(t, path, fmt.Sprintf(fileText, "1"))
	r := NewReloader(path, slog.New(slog.DiscardHandler))
	loaded := make(chan error)
	go func() {
		_, err := r.Load()
		loaded <- err
	}()
	pipe, err := os.OpenFile(dir+"/secret", os.O_WRONLY, 0) // once the reader is there
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, fmt.Sprintf(fileText, "2"))
	fmt.Fprintln(pipe, "gw_one")
	pipe.Close()
	if err := <-loaded; err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if r.watch.look(now); !r.watch.look(now.Add(quiet)) {
		t.Error("the change is taken for what was loaded")
	}
}
