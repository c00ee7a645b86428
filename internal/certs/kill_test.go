package certs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The tests here kill starts, so the starts are processes: this test binary,
// told by its environment to be one.
const (
	certEnv, keyEnv = "CERTS_TEST_CERT", "CERTS_TEST_KEY"
	killAfterEnv    = "CERTS_TEST_KILL_AFTER" // changes on disk; 0: is not killed
)

func TestMain(m *testing.M) {
	if os.Getenv(certEnv) != "" {
		beAStart()
		return
	}
	os.Exit(m.Run())
}

func beAStart() {
	killAfter, _ := strconv.Atoi(os.Getenv(killAfterEnv))
	changes := 0
	d := disk{changed: func() {
		if changes++; changes == killAfter {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
			select {}
		}
	}}
	s := SelfSigned{os.Getenv(certEnv), os.Getenv(keyEnv)}
	if _, err := s.ensure(anywhere, d); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Stdout.WriteString("started")
}

// start runs a start to its end and reports whether it was killed. Any other
// failure is the test's.
func start(t *testing.T, s SelfSigned, killAfter int) (killed bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), certEnv+"="+s.CertPath, keyEnv+"="+s.KeyPath, killAfterEnv+"="+strconv.Itoa(killAfter),
		"GORACE=atexit_sleep_ms=0") // else each start takes a second to end
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch code := cmd.ProcessState.ExitCode(); {
	case err == nil && string(out) == "started":
		return false
	case code == -1, code == 1: // by a signal; as Windows has it
		return true
	default:
		t.Errorf("start to be killed after change %d: %v %s", killAfter, err, &stderr)
		return false
	}
}

// everything lists all below dir with its content.
func everything(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		fmt.Fprintln(&b, path)
		if err == nil && entry.Type().IsRegular() {
			b.WriteString(content(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// mustRecover is the promise: what killed starts left passes check, which
// writes nothing, and the next start completes it and cleans up.
func mustRecover(t *testing.T, s SelfSigned, history string) {
	t.Helper()
	dir := filepath.Dir(filepath.Dir(s.CertPath))
	before := everything(t, dir)
	if err := s.Check(); err != nil {
		t.Errorf("%s: check: %v", history, err)
	}
	if everything(t, dir) != before {
		t.Errorf("%s: check has changed something", history)
	}
	keyBefore, _ := os.ReadFile(s.KeyPath)
	loaded, err := s.Ensure(anywhere)
	if err != nil {
		t.Errorf("%s: the next start: %v", history, err)
		return
	}
	if key, _ := os.ReadFile(s.KeyPath); keyBefore != nil && !bytes.Equal(key, keyBefore) {
		t.Errorf("%s: a key that was there was replaced", history)
	}
	if again, err := Load(s.CertPath, s.KeyPath); err != nil || !again.Leaf.Equal(loaded.Leaf) {
		t.Errorf("%s: the files hold another pair: %v", history, err)
	}
	if _, err := os.Stat(s.pending()); err == nil {
		t.Errorf("%s: the pending file is still there", history)
	}
}

func TestStartKilledAfterAnyChangeIsRepaired(t *testing.T) {
	n := 1
	for ; ; n++ {
		s := inNewFolders(t)
		if !start(t, s, n) {
			break
		}
		mustRecover(t, s, fmt.Sprintf("killed after change %d", n))
	}
	if n < 10 {
		t.Errorf("a start makes only %d changes: are they all announced?", n-1)
	}
}

func TestRepairKilledAfterAnyChangeIsRepaired(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some 150 processes")
	}
	for n := 1; ; n++ {
		for m := 1; ; m++ {
			s := inNewFolders(t)
			if !start(t, s, n) {
				return
			}
			if !start(t, s, m) {
				mustRecover(t, s, fmt.Sprintf("killed after change %d, then completed", n))
				break
			}
			mustRecover(t, s, fmt.Sprintf("killed after change %d, then after change %d", n, m))
		}
	}
}

func TestStartsAtOnceSurviveKills(t *testing.T) {
	const rounds, processes, changes = 6, 6, 16
	for range rounds {
		s := inNewFolders(t)
		var wg sync.WaitGroup
		for i := range processes {
			killAfter := 0
			if i > 0 { // one gets through, whatever happens to the others
				killAfter = 1 + rand.IntN(changes)
			}
			wg.Go(func() { start(t, s, killAfter) })
		}
		wg.Wait()
		mustRecover(t, s, "several at once")
	}
}
