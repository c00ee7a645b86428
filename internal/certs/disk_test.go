package certs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return list
}

func TestPlaceLeavesAFileThatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "gw.key"), []byte("precious"))
	if err := (disk{}).place(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "precious" {
		t.Errorf("now holds %q", got)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left %v", got)
	}
}

func TestPublishWithoutHardLinksLeavesAFileThatIsThere(t *testing.T) {
	refuse := func(string, string) error { return errors.New("operation not supported") }
	dir := t.TempDir()
	path := filepath.Join(dir, "gw.key")
	for _, text := range []string{"first", "second"} {
		temp := write(t, filepath.Join(dir, "temp"), []byte(text))
		if err := publish(temp, path, refuse); err != nil {
			t.Fatal(err)
		}
	}
	if got := content(t, path); got != "first" {
		t.Errorf("holds %q, want what came first", got)
	}
}

func TestPlaceReportsAFolderItCannotWriteTo(t *testing.T) {
	if err := (disk{}).place(filepath.Join(t.TempDir(), "none", "gw.key"), nil, 0o600); err == nil {
		t.Error("no error")
	}
}

func TestSweepTakesOldLeftoversOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gw.key")
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"gw.key", "gw.key.bak.tmp", "gw.key.ai-gw-lite-1", "a.key.ai-gw-lite-1.tmp", "gw.key.ai-gw-lite-1.tmp"} {
		os.Chtimes(write(t, filepath.Join(dir, name), nil), old, old)
	}
	write(t, filepath.Join(dir, "gw.key.ai-gw-lite-2.tmp"), nil) // somebody is at it

	sweep(path)
	want := "a.key.ai-gw-lite-1.tmp gw.key gw.key.ai-gw-lite-1 gw.key.ai-gw-lite-2.tmp gw.key.bak.tmp"
	if got := strings.Join(names(t, dir), " "); got != want {
		t.Errorf("left %s\nwant %s", got, want)
	}
}
