package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func holds(t *testing.T, path, want string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil || string(b) != want {
		t.Errorf("the file holds %q (%v), want %q", b, err, want)
	}
}

func ours(t *testing.T, path string) {
	t.Helper()
	if pid, err := ReadPIDFile(path); err != nil || pid != os.Getpid() {
		t.Errorf("the file holds %d (%v), want %d", pid, err, os.Getpid())
	}
}

func installed(t *testing.T, path string) *PIDFile {
	t.Helper()
	p, err := PreparePIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Install(); err != nil {
		t.Fatal(err)
	}
	return p
}

func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(names) {
		t.Errorf("the folder holds %v (%v), want %v", entries, err, names)
	}
}

func TestPIDFileIsTakenOverAndRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gw.pid")
	os.WriteFile(path, []byte("1\n"), 0o600)
	p, err := PreparePIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, path, "1\n") // until it is certain that this process serves
	if err := p.Install(); err != nil {
		t.Fatal(err)
	}
	ours(t, path)
	alone(t, dir, "gw.pid")
	p.Remove()
	alone(t, dir)
}

func TestPIDFileOfAnotherProcessIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gw.pid")
	p := installed(t, path)
	os.WriteFile(path, []byte("1\n"), 0o600)
	p.Remove()
	holds(t, path, "1\n")
	if err := p.Restore(); err != nil { // its owner did not live to serve
		t.Fatal(err)
	}
	ours(t, path)
}

func TestPIDFileThatCannotBeWrittenIsFoundInTime(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "no", "folder", "gw.pid"), t.TempDir()} {
		if p, err := PreparePIDFile(path); err == nil {
			p.Discard()
			t.Errorf("%s: no error", path)
		}
	}
	dir := t.TempDir()
	p, err := PreparePIDFile(filepath.Join(dir, "gw.pid"))
	if err != nil {
		t.Fatal(err)
	}
	p.Discard()
	alone(t, dir)
}

func TestNoPIDFileIsNowhere(t *testing.T) {
	p, err := PreparePIDFile("")
	if p != nil || err != nil {
		t.Fatalf("%v, %v", p, err)
	}
	p.Remove() // none of them may fail
	if err := p.Install(); err != nil {
		t.Error(err)
	}
	if err := p.Restore(); err != nil {
		t.Error(err)
	}
}

func TestPIDFileWithoutANumberIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gw.pid")
	for _, text := range []string{"", "x", "-1", "0"} {
		os.WriteFile(path, []byte(text), 0o600)
		if pid, err := ReadPIDFile(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %d, %v", text, pid, err)
		}
	}
}
