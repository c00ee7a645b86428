//go:build unix

package ops

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// upgrades is how many follow one another under load; more by the environment.
func upgrades(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("AI_GW_LITE_TEST_UPGRADES"))
	if err != nil {
		return 10
	}
	return n
}

func TestUpgradesUnderLoadLoseNothing(t *testing.T) {
	p := newProvider(t)
	g := start(t, p.URL, "")
	l := g.load(8, 50)
	for n := range upgrades(t) {
		l.flows()
		g.install([]string{next, binary}[n%2])
		g.upgrade()
	}
	if n := g.count(`msg=serving .* version=next`); n != upgrades(t)/2 {
		t.Errorf("the other version served %d times, want %d", n, upgrades(t)/2)
	}
	l.flows()
	l.end()
	if n := g.count(`level=ERROR`); n > 0 {
		t.Errorf("the log has %d errors", n)
	}
	pids := g.pids()
	for _, old := range pids[:len(pids)-1] {
		g.await(fmt.Sprintf("the end of process %d", old), func() bool { return gone(old) })
	}
	if code := g.exit(); code != 0 {
		t.Errorf("the first process exits with %d, want 0", code)
	}
	if n := g.count(`msg=stopped broken_off=0`); n != len(pids)-1 {
		t.Errorf("%d processes stopped without breaking anything off, want %d", n, len(pids)-1)
	}
}

func TestUpgradeKeepsIdleConnectionsForOneMoreAnswer(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "")
	idle := &caller{g: g}
	defer idle.close()
	ask := func() {
		t.Helper()
		if status, _, err := idle.ask("POST", "/api/json", "x"); status != 200 || err != nil {
			t.Fatalf("answered by %d, %v", status, err)
		}
	}
	ask()
	_, res := g.held()
	g.upgrade()
	ask()
	if idle.conn != nil {
		t.Error("the next answer of the old process does not end its connection")
	}
	ask()
	if idle.conn == nil || idle.dials != 2 {
		t.Error("the new process does not keep the connection")
	}
	// told to stop while it drains, the old process goes on; told again, it would not
	if err := syscall.Kill(g.pids()[0], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status, body, err := idle.ask("GET", "/healthz", ""); status != 200 || err != nil {
		t.Errorf("/healthz answers %d %q, %v", status, body, err)
	}
	close(p.letGo)
	endsWhole(t, res)
	if code := g.exit(); code != 0 {
		t.Errorf("the old process exits with %d, want 0", code)
	}
}

func TestSecondStopEndsADrainAfterAnUpgradeAtOnce(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "")
	idle := &caller{g: g}
	defer idle.close()
	if _, _, err := idle.ask("GET", "/healthz", ""); err != nil {
		t.Fatal(err)
	}
	g.held()
	g.upgrade()
	old := g.pids()[0]
	syscall.Kill(old, syscall.SIGTERM)
	if n, err := idle.conn.Read(make([]byte, 1)); n > 0 || err == nil { // idle connections are closed by the first
		t.Errorf("%d bytes, %v", n, err)
	}
	syscall.Kill(old, syscall.SIGTERM)
	if code := g.exit(); code != 1 {
		t.Errorf("it exits with %d, want 1", code)
	}
}

func TestUpgradeThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, row := range []struct {
		name, why string
		spoil     func(g *gateway)
	}{
		{"it exits", "ended before it served: exit status 7", func(g *gateway) { g.installScript("exit 7") }},
		{"it is no program", "permission denied|exec format error", func(g *gateway) {
			os.Remove(g.executable)
			os.WriteFile(g.executable, []byte("no program"), 0o755)
		}},
		{"it is not there", "no such file", func(g *gateway) { os.Remove(g.executable) }},
		{"a bad configuration", "ended before it served: exit status 2", func(g *gateway) { g.configure(configOf(p.URL, "nonsense: 1\n")) }},
		{"a port that is taken", "ended before it served: exit status 1", func(g *gateway) {
			g.configure(strings.Replace(configOf(p.URL, "reload: {watch: false}\n"), "127.0.0.1:0", strings.TrimPrefix(p.URL, "http://"), 1))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			g := start(t, p.URL, "pid_file: gateway.pid\nreload: {watch: false}\n")
			kept := &caller{g: g}
			defer kept.close()
			ask := func() {
				t.Helper()
				if status, _, err := kept.ask("POST", "/api/json", "x"); status != 200 || err != nil {
					t.Fatalf("answered by %d, %v", status, err)
				}
			}
			ask()
			row.spoil(g)
			g.signal(syscall.SIGUSR2)
			g.awaitLine(`msg="upgrade failed" cause=.*(` + row.why + ")")
			ask()
			if kept.dials != 1 {
				t.Error("the client lost its connection")
			}
			pidFileHolds(g, g.pid())
			// and it can be mended
			g.install(binary)
			g.configure(configOf(p.URL, "pid_file: gateway.pid\n"))
			g.upgrade()
			ask()
			ask()
			pidFileHolds(g, g.pid())
		})
	}
}

func pidFileHolds(g *gateway, pid int) {
	g.t.Helper()
	if b, err := os.ReadFile(g.dir + "/gateway.pid"); err != nil || string(b) != fmt.Sprintln(pid) {
		g.t.Errorf("the PID file holds %q (%v), want %d", b, err, pid)
	}
}

func TestUpgradeThatHangsCanBeStopped(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "")
	g.installScript("echo $$ > " + g.dir + "/hanging; exec sleep 600")
	g.signal(syscall.SIGUSR2)
	var hanging int
	g.await("the new process", func() bool {
		b, _ := os.ReadFile(g.dir + "/hanging")
		hanging, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return hanging > 0
	})
	g.signal(syscall.SIGUSR2)
	g.awaitLine(`msg="upgrade ignored" cause="one is under way already"`)
	c := &caller{g: g}
	defer c.close()
	if status, _, err := c.ask("POST", "/api/json", "x"); status != 200 || err != nil {
		t.Errorf("meanwhile a request is answered by %d, %v", status, err)
	}
	g.signal(syscall.SIGTERM)
	if code := g.exit(); code != 0 {
		t.Errorf("it exits with %d, want 0", code)
	}
	if !gone(hanging) {
		syscall.Kill(hanging, syscall.SIGKILL)
		t.Error("the new process is left behind")
	}
}

// The whole 30 seconds, where there is time for them.
func TestUpgradeThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	if os.Getenv("AI_GW_LITE_TEST_UPGRADES") == "" {
		t.Skip("takes 30 s: set AI_GW_LITE_TEST_UPGRADES")
	}
	g := start(t, newProvider(t).URL, "")
	g.installScript("exec sleep 600")
	began := time.Now()
	g.signal(syscall.SIGUSR2)
	for g.count(`msg="upgrade failed" cause="the new process does not serve after 30s"`) == 0 {
		if time.Since(began) > 35*time.Second {
			t.Fatal("it is not given up")
		}
		time.Sleep(100 * time.Millisecond)
	}
	g.install(binary)
	g.upgrade()
}

func TestUpgradeCommandReportsUntilTheOldProcessIsGone(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "pid_file: gateway.pid\n")
	pidFileHolds(g, g.pid())
	held, res := g.held()
	c := exec.Command(binary, "upgrade", "--config", g.config)
	out := new(lines)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	old := g.pid()
	g.await("the report of a stream", func() bool { return strings.Contains(out.String(), "1 stream still draining\n") })
	pidFileHolds(g, g.pid())
	close(p.letGo)
	endsWhole(t, res)
	g.await("the report that only idle connections are left", func() bool { return strings.Contains(out.String(), "no stream is left") })
	held.close()
	if err := c.Wait(); err != nil {
		t.Errorf("the command ends with %v", err)
	}
	want := fmt.Sprintf("process %d serves, process %d drains\n1 stream still draining\n", g.pid(), old)
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, fmt.Sprintf("process %d is gone\n", old)) {
		t.Errorf("it says\n%s", got)
	}
	if !gone(old) {
		t.Error("the old process is not gone")
	}
	g.signal(syscall.SIGTERM)
	g.await("the end", func() bool { return gone(g.pid()) })
	if _, err := os.Stat(g.dir + "/gateway.pid"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the PID file is left: %v", err)
	}
}

func TestUpgradeCommandSaysWhyNot(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "")
	g.installScript("exit 7")
	nobody := exec.Command("true")
	if err := nobody.Run(); err != nil {
		t.Skip(err)
	}
	for _, row := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a new process that exits", []string{"--pid", strconv.Itoa(g.pid())}, 1, "serves as before: the new process ended before it served: exit status 7"},
		{"no such process", []string{"--pid", strconv.Itoa(nobody.Process.Pid)}, 1, "there is no process"},
		{"no process named", nil, 2, "which process?"},
		{"named twice", []string{"--pid", "1", "--config", g.config}, 2, "none of the others can be"},
		{"no pid_file", []string{"--config", g.config}, 2, "has no pid_file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := exec.Command(binary, append([]string{"upgrade"}, row.args...)...).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != row.code || !bytes.Contains(out, []byte(row.says)) {
				t.Errorf("%v, and it says\n%s", err, out)
			}
		})
	}
}

func TestProcessOneIsNotReplaced(t *testing.T) {
	t.Parallel()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(unshare, "--pid", "--fork", "true").CombinedOutput(); err != nil {
		t.Skipf("no PID namespaces here: %s", out)
	}
	p := newProvider(t)
	g := startBy(t, []string{unshare, "--pid", "--fork", "--kill-child"}, p.URL, "")
	g.awaitLine(`msg=serving .* pid=1\b`)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", g.pid()))
	if err != nil {
		t.Skip(err)
	}
	one, err := strconv.Atoi(strings.Fields(string(children))[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(one, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	g.awaitLine(`msg="upgrade ignored" cause="process 1 of a container cannot be replaced from within: replace the container"`)
	syscall.Kill(one, syscall.SIGTERM)
	if code := g.exit(); code != 0 {
		t.Errorf("it exits with %d, want 0", code)
	}
}
