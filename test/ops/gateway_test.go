//go:build unix

package ops

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const token = "gw_ops"

// patience bounds whatever a test waits for, so that a broken promise is a
// failure and not a hang.
const patience = 20 * time.Second

// gateway is a gateway that runs as a process, perhaps one that took over from
// another.
type gateway struct {
	t          *testing.T
	dir        string
	executable string // of its own, to be exchanged
	config     string
	log        string
	first      *exec.Cmd
	exited     chan error // of the first process
	address    string
}

// start runs a gateway in front of base. more is YAML that is added to its
// configuration, env is added to its environment.
func start(t *testing.T, base, more string, env ...string) *gateway {
	t.Helper()
	return startBy(t, nil, base, more, env...)
}

// startBy has another program start it.
func startBy(t *testing.T, starter []string, base, more string, env ...string) *gateway {
	t.Helper()
	dir := t.TempDir()
	g := &gateway{t: t, dir: dir, executable: filepath.Join(dir, "ai-gw-lite"), config: filepath.Join(dir, "gateway.yaml"), log: filepath.Join(dir, "log")}
	g.install(binary)
	g.configure(configOf(base, more))
	log, err := os.Create(g.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	args := append(starter, g.executable, "--config", g.config)
	g.first = exec.Command(args[0], args[1:]...)
	g.first.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), env...)
	g.first.Stderr = log
	if err := g.first.Start(); err != nil {
		t.Fatal(err)
	}
	g.exited = make(chan error, 1)
	go func() { g.exited <- g.first.Wait() }()
	t.Cleanup(func() {
		for _, pid := range g.pids() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if strings.Contains(g.text(), "DATA RACE") {
			t.Error("the gateway has a data race")
		}
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", g.text())
		}
	})
	g.address = g.awaitLine(`msg=serving address=(\S+)`)[1]
	return g
}

func configOf(base, more string) string {
	return fmt.Sprintf(`
listen: "127.0.0.1:0"
gateway_auth: {tokens: [%q]}
routes:
  - {id: "api", prefix: "/api", upstream: {base_url: %q}}
`, token, base) + more
}

// install makes a file the executable, as an operator does.
func (g *gateway) install(file string) {
	g.t.Helper()
	os.Remove(g.executable) // a file cannot be renamed to another name of its own
	if err := os.Link(file, g.executable+".new"); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(g.executable+".new", g.executable); err != nil {
		g.t.Fatal(err)
	}
}

// installScript makes a shell script the executable.
func (g *gateway) installScript(text string) {
	g.t.Helper()
	if err := os.WriteFile(g.executable+".new", []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(g.executable+".new", g.executable); err != nil {
		g.t.Fatal(err)
	}
}

// configure puts another configuration in the place of the file.
func (g *gateway) configure(text string) {
	g.t.Helper()
	if err := os.WriteFile(g.config+".new", []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(g.config+".new", g.config); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) text() string {
	b, err := os.ReadFile(g.log)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

// count is how many lines of the log match.
func (g *gateway) count(pattern string) int {
	return len(regexp.MustCompile(pattern).FindAllString(g.text(), -1))
}

// awaitLine waits for a line and returns its submatches.
func (g *gateway) awaitLine(pattern string) []string {
	g.t.Helper()
	var found []string
	re := regexp.MustCompile(pattern)
	g.await("the log line "+pattern, func() bool {
		found = re.FindStringSubmatch(g.text())
		return found != nil
	})
	return found
}

// await fails the test unless the condition comes to hold.
func (g *gateway) await(what string, condition func() bool) {
	g.t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			g.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// pids is every process that has served, the present one last.
func (g *gateway) pids() (pids []int) {
	if g.first.Process != nil {
		pids = append(pids, g.first.Process.Pid)
	}
	for _, m := range regexp.MustCompile(`msg=upgraded pid=(\d+)`).FindAllStringSubmatch(g.text(), -1) {
		pid, _ := strconv.Atoi(m[1])
		pids = append(pids, pid)
	}
	return pids
}

// pid is the process that serves.
func (g *gateway) pid() int {
	pids := g.pids()
	return pids[len(pids)-1]
}

// signal sends a signal to the process that serves.
func (g *gateway) signal(s syscall.Signal) {
	g.t.Helper()
	if err := syscall.Kill(g.pid(), s); err != nil {
		g.t.Fatal(err)
	}
}

// reload has the file read and waits until that is done.
func (g *gateway) reload() (ok bool) {
	g.t.Helper()
	const done, bad = `msg="config reloaded"`, `msg="config rejected"`
	reloaded, rejected := g.count(done), g.count(bad)
	g.signal(syscall.SIGHUP)
	g.await("a reload", func() bool { return g.count(done) > reloaded || g.count(bad) > rejected })
	return g.count(done) > reloaded
}

// upgrade has the executable started in the process's place and waits until
// that serves.
func (g *gateway) upgrade() {
	g.t.Helper()
	n := len(g.pids())
	g.signal(syscall.SIGUSR2)
	g.await("an upgrade", func() bool { return len(g.pids()) > n })
}

// exit waits for the first process to end and returns its exit code.
func (g *gateway) exit() int {
	g.t.Helper()
	select {
	case err := <-g.exited:
		g.exited <- err
		var code *exec.ExitError
		if errors.As(err, &code) {
			return code.ExitCode()
		}
		return 0
	case <-time.After(patience):
		g.t.Fatal("the process does not end")
		return -1
	}
}

// gone reports whether a process has ended. It may be that nobody has asked for
// its exit code.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// descriptors is how many a process has open, or -1 where nobody tells.
func descriptors(pid int) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return -1
	}
	return len(entries)
}

func (g *gateway) dial() (net.Conn, error) { return net.DialTimeout("tcp", g.address, patience) }

// lines collects what a command prints.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
