package certs

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const anywhere = "127.0.0.1:8080"

// inNewFolders has its two files in two folders that do not exist yet.
func inNewFolders(t *testing.T) SelfSigned {
	dir := t.TempDir()
	return SelfSigned{filepath.Join(dir, "public", "gw.crt"), filepath.Join(dir, "private", "gw.key")}
}

func TestFirstStartMakesThePairAndTheNextOneUsesIt(t *testing.T) {
	s := inNewFolders(t)
	if err := s.Check(); err != nil {
		t.Fatalf("check before the first start: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(s.CertPath)); err == nil {
		t.Error("check has created a folder")
	}
	first, err := s.Ensure("gateway.example:8443")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Leaf.VerifyHostname("gateway.example"); err != nil {
		t.Error(err)
	}
	if err := s.Check(); err != nil {
		t.Errorf("check after the first start: %v", err)
	}
	second, err := s.Ensure("another.example:8443")
	if err != nil {
		t.Fatal(err)
	}
	if !first.Leaf.Equal(second.Leaf) {
		t.Error("the second start made a new certificate")
	}
	loaded, err := Load(s.CertPath, s.KeyPath)
	if err != nil || !loaded.Leaf.Equal(first.Leaf) {
		t.Errorf("the files hold another pair: %v", err)
	}
	for _, path := range []string{s.CertPath, s.KeyPath} {
		if got := names(t, filepath.Dir(path)); len(got) != 1 || got[0] != filepath.Base(path) {
			t.Errorf("left %v", got)
		}
	}
	if runtime.GOOS == "windows" {
		return // has no modes
	}
	for path, want := range map[string]os.FileMode{s.KeyPath: 0o600, s.CertPath: 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode(), want, err)
		}
	}
}

// What is not ours is an error in check and start alike, says which file it is
// about and what to do, and is left as it was.
func TestFilesOfAnotherOriginAreNeverTouched(t *testing.T) {
	ours, other := newPair(t), newPair(t)
	expired := pairOf(t, time.Now().AddDate(-11, 0, 0))
	for _, c := range []struct {
		name               string
		cert, key, pending []byte
		file               File
		says               string
	}{
		{"lone cert", []byte("x"), nil, nil, Cert, "without its key file"},
		{"lone key", nil, []byte("precious"), nil, Key, "without its certificate file"},
		{"lone key that is empty", nil, []byte{}, nil, Key, "without its certificate file"},
		{"lone cert that could be ours", ours.cert, nil, nil, Cert, "without its key file"},
		{"lone key that could be ours", nil, ours.key, nil, Key, "without its certificate file"},
		{"another cert beside a half-made pair", other.cert, nil, pendingContent(ours), Cert, "without its key file"},
		{"another key beside a half-made pair", nil, other.key, pendingContent(ours), Key, "without its certificate file"},
		{"pending file of another origin", nil, nil, []byte("precious"), Key, "move it away"},
		{"pending file without our mark", nil, nil, append(ours.cert, ours.key...), Key, "move it away"},
		{"pending file with half a pair", nil, nil, pendingContent(pair{key: ours.key}), Key, "move it away"},
		{"cert that does not parse", []byte("x"), ours.key, nil, Cert, "move both files"},
		{"key that does not parse", ours.cert, []byte("x"), nil, Key, "move both files"},
		{"cert and key of two pairs", ours.cert, other.key, nil, Key, "move both files"},
		{"expired pair", expired.cert, expired.key, nil, Cert, "expired on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := inNewFolders(t)
			before := map[string][]byte{s.CertPath: c.cert, s.KeyPath: c.key, s.pending(): c.pending}
			for path, content := range before {
				if content != nil {
					write(t, path, content)
				}
			}
			_, startErr := s.Ensure(anywhere)
			for _, err := range []error{s.Check(), startErr} {
				problems := FileErrors(err)
				if len(problems) != 1 || problems[0].File != c.file || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v\nwant one problem with the %v that says %q", err, c.file, c.says)
				}
			}
			for path, want := range before {
				if got, err := os.ReadFile(path); (err == nil) != (want != nil) || !bytes.Equal(got, want) {
					t.Errorf("%s was changed", path)
				}
			}
		})
	}
}

// Two starts at once may leave one: the second writes it as the first is done.
func TestPendingFileThatCameTooLateIsRemoved(t *testing.T) {
	s, ours := inNewFolders(t), newPair(t)
	write(t, s.CertPath, ours.cert)
	write(t, s.KeyPath, ours.key)
	write(t, s.pending(), pendingContent(newPair(t)))
	if err := s.Check(); err != nil {
		t.Errorf("check: %v", err)
	}
	loaded, err := s.Ensure(anywhere)
	if err != nil {
		t.Fatal(err)
	}
	if _, want := parsed(t, ours); !loaded.Leaf.Equal(want) {
		t.Error("the pending pair came before the complete one")
	}
	if _, err := os.Stat(s.pending()); err == nil {
		t.Error("the pending file is still there")
	}
}

func TestPendingFileOfAnotherOriginOutlivesACompletePair(t *testing.T) {
	s, ours := inNewFolders(t), newPair(t)
	write(t, s.CertPath, ours.cert)
	write(t, s.KeyPath, ours.key)
	write(t, s.pending(), []byte("precious"))
	if _, err := s.Ensure(anywhere); err != nil {
		t.Fatal(err)
	}
	if got := content(t, s.pending()); got != "precious" {
		t.Errorf("now holds %q", got)
	}
}

func TestOnePathForBothFilesIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gw.pem")
	s := SelfSigned{path, path}
	if len(FileErrors(s.Check())) != 1 {
		t.Errorf("check: %v", s.Check())
	}
	if _, err := s.Ensure(anywhere); len(FileErrors(err)) != 1 {
		t.Errorf("start: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("wrote a file")
	}
}

func TestSymlinkToNowhereIsNotReplaced(t *testing.T) {
	s := inNewFolders(t)
	os.Mkdir(filepath.Dir(s.KeyPath), 0o755)
	if err := os.Symlink("nowhere", s.KeyPath); err != nil {
		t.Skip(err)
	}
	if _, err := s.Ensure(anywhere); len(FileErrors(err)) != 1 {
		t.Errorf("start: %v", err)
	}
	if to, err := os.Readlink(s.KeyPath); to != "nowhere" {
		t.Errorf("replaced: %v", err)
	}
}

func TestFileInTheWayOfAFolderIsAnError(t *testing.T) {
	s := inNewFolders(t)
	write(t, filepath.Dir(s.CertPath), []byte("precious"))
	if _, err := s.Ensure(anywhere); err == nil {
		t.Error("no error")
	}
	if got := content(t, filepath.Dir(s.CertPath)); got != "precious" {
		t.Errorf("now holds %q", got)
	}
}

func TestStartsAtOnceShareOnePair(t *testing.T) {
	for range 20 {
		s := inNewFolders(t)
		var wg sync.WaitGroup
		leaves := make([][]byte, 8)
		for i := range leaves {
			wg.Go(func() {
				loaded, err := s.Ensure(anywhere)
				if err != nil {
					t.Error(err)
					return
				}
				leaves[i] = loaded.Leaf.Raw
				if err := s.Check(); err != nil {
					t.Errorf("check meanwhile: %v", err)
				}
			})
		}
		wg.Wait()
		for _, leaf := range leaves {
			if !bytes.Equal(leaf, leaves[0]) {
				t.Fatal("two starts have two certificates")
			}
		}
	}
}
