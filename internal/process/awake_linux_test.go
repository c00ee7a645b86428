package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func init() { roles["stay awake"] = beAwake }

func beAwake() {
	if err := stayAwake(); err != nil {
		fmt.Fprintln(os.Stderr, "staying awake:", err)
	}
	two, _ := os.Readlink("/proc/self/fd/2")
	fmt.Fprintf(os.Stderr, "pid=%d args=%v GODEBUG=%q %s=%q 2=%s\n", os.Getpid(), os.Args[1:], os.Getenv("GODEBUG"), stderrAt, os.Getenv(stderrAt), two)
	environ, _ := os.ReadFile("/proc/self/environ") // as it was when the program began
	fmt.Fprintln(os.Stderr, "began with", strings.ReplaceAll(string(environ), "\x00", " "))
	println("printed by the runtime")
	panic("a defect")
}

func awakeProgram(t *testing.T, godebug string) (pid int, stderr string) {
	t.Helper()
	c := exec.Command(os.Args[0], "an argument")
	c.Env = append(os.Environ(), role+"=stay awake", "GODEBUG="+godebug)
	var out bytes.Buffer
	c.Stderr = &out
	if err := c.Run(); err == nil {
		t.Error("a panic ended well")
	}
	return c.Process.Pid, out.String()
}

// The process, its arguments and its environment stay what they were, messages
// and panics reach stderr, and what the runtime prints of itself does not.
func TestStayingAwakeShowsNowhere(t *testing.T) {
	for _, godebug := range []string{"", "netdns=go"} {
		pid, stderr := awakeProgram(t, godebug)
		for _, want := range []string{
			fmt.Sprintf("pid=%d args=[an argument] GODEBUG=%q %s=\"\" 2=/dev/null\n", pid, godebug, stderrAt),
			"GODEBUG=" + godebug + never + " ",
			"panic: a defect",
			"awake_linux_test.go",
		} {
			if !strings.Contains(stderr, want) {
				t.Errorf("with GODEBUG=%s stderr lacks %q:\n%s", godebug, want, stderr)
			}
		}
		if strings.Contains(stderr, "printed by the runtime") {
			t.Errorf("what the runtime prints of itself is on stderr:\n%s", stderr)
		}
	}
}

func TestOwnSchedtraceIsKept(t *testing.T) {
	_, stderr := awakeProgram(t, "schedtrace=0")
	if !strings.Contains(stderr, `GODEBUG="schedtrace=0"`) || strings.Contains(stderr, "2=/dev/null") {
		t.Errorf("the program has begun anew:\n%s", stderr)
	}
}
