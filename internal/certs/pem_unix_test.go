//go:build unix

package certs

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Opening a pipe would wait for somebody who writes into it, perhaps for ever.
func TestPipeIsNoCertificateFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	key := write(t, filepath.Join(dir, "a.key"), newPair(t).key)
	if _, err := Load(pipe, key); err == nil || !strings.Contains(err.Error(), "is a pipe") {
		t.Errorf("got %v", err)
	}
}
