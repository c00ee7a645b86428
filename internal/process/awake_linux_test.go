package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	roles["stay awake"] = beAwake
	roles["stay awake and overflow"] = overflow
	roles["stay awake and collect"] = collect
	roles["not begin anew"] = notAnew
	roles["where from"] = whereFrom
}

func beAwake() {
	if err := stayAwake(); err != nil {
		fmt.Fprintln(os.Stderr, "staying awake:", err)
	}
	fmt.Fprintf(os.Stderr, "pid=%d args=%v GODEBUG=%q %s=%q\n", os.Getpid(), os.Args[1:], os.Getenv("GODEBUG"), stderrAt, os.Getenv(stderrAt))
	environ, _ := os.ReadFile("/proc/self/environ") // as it was when the program began
	fmt.Fprintln(os.Stderr, "began with", strings.ReplaceAll(string(environ), "\x00", " "))
	awaitStderr()
	println("printed by the runtime") // as for GODEBUG=gctrace=1
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

// The process, its arguments and its environment stay what they were, and
// messages, panics and what the runtime was asked to print reach stderr.
func TestStayingAwakeShowsNowhere(t *testing.T) {
	for _, godebug := range []string{"", "netdns=go"} {
		pid, stderr := awakeProgram(t, godebug)
		for _, want := range []string{
			fmt.Sprintf("pid=%d args=[an argument] GODEBUG=%q %s=\"\"\n", pid, godebug, stderrAt),
			"GODEBUG=" + godebug + never + " ",
			"\nprinted by the runtime\n",
			"panic: a defect",
			"awake_linux_test.go",
		} {
			if !strings.Contains(stderr, want) {
				t.Errorf("with GODEBUG=%s stderr lacks %q:\n%s", godebug, want, stderr)
			}
		}
	}
}

func TestOwnSchedtraceIsKept(t *testing.T) {
	_, stderr := awakeProgram(t, "schedtrace=0")
	if !strings.Contains(stderr, `GODEBUG="schedtrace=0"`) || strings.Contains(stderr, never) {
		t.Errorf("the program has begun anew:\n%s", stderr)
	}
}

// awaitStderr waits for what is hushed up as a program begins, on a machine that
// has been up for long.
func awaitStderr() {
	for twoIsNull() {
		time.Sleep(10 * time.Millisecond)
	}
}

// overflow ends with an error that the runtime names before it begins to crash.
func overflow() {
	if err := stayAwake(); err != nil {
		panic(err)
	}
	awaitStderr()
	debug.SetMaxStack(1 << 20)
	var deeper func(int) int
	deeper = func(n int) int { return deeper(n+1) + 1 }
	deeper(0)
}

// A fatal error of the runtime, such as one thread too many, is of little use
// without the line that says which one it is.
func TestFatalErrorsOfTheRuntimeSayWhatTheyAre(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), role+"=stay awake and overflow")
	var out bytes.Buffer
	c.Stderr = &out
	if err := c.Run(); err == nil {
		t.Error("it ended well")
	}
	if n := strings.Count(out.String(), "fatal error: stack overflow"); n != 1 {
		t.Errorf("stderr says %d times that the stack overflowed:\n%.2000s", n, out.String())
	}
}

// collect has the garbage collected, with it the files nobody holds, and opens
// another file.
func collect() {
	if err := stayAwake(); err != nil {
		panic(err)
	}
	awaitStderr()
	before, _ := os.Readlink("/proc/self/fd/2")
	for range 3 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond) // finalizers run by themselves
	}
	if f, err := os.Open(os.Args[0]); err != nil || f.Fd() == 2 {
		fmt.Println("opened at 2", err)
	}
	after, _ := os.Readlink("/proc/self/fd/2")
	fmt.Println(before == after, before, after)
}

// Were it free, a client's connection would get what the runtime prints.
func TestDescriptorTwoIsNotFreed(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), role+"=stay awake and collect")
	out, err := c.Output()
	if err != nil || !strings.HasPrefix(string(out), "true ") {
		t.Errorf("%v: %s", err, out)
	}
}

// notAnew fails to begin anew: no program may have such an argument.
func notAnew() {
	os.Args = append(os.Args, strings.Repeat("x", 1<<20))
	descriptors := func() (r unix.Rlimit) {
		unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
		return r
	}
	before, two := descriptors(), stat(2)
	err := stayAwake()
	fmt.Println(errors.Is(err, unix.E2BIG), before == descriptors(), before.Cur > 100, two == stat(2), err)
}

func stat(fd int) (inode uint64) {
	var s unix.Stat_t
	unix.Fstat(fd, &s)
	return s.Ino
}

// Go lowers the number of descriptors to what it was at first, as it starts
// another program.
func TestProgramThatCannotBeginAnewIsAsBefore(t *testing.T) {
	c := exec.Command("/bin/sh", "-c", `ulimit -S -n 100 && exec "$0"`, os.Args[0])
	c.Env = append(os.Environ(), role+"=not begin anew")
	out, err := c.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "true true true true ") {
		t.Errorf("%v: %s", err, out)
	}
}

// whereFrom tells where the program was started from.
func whereFrom() {
	err := stayAwake()
	path, unknown := Executable()
	name, _ := os.ReadFile("/proc/self/comm")
	fmt.Printf("%s%v %v %v\n", name, path, unknown, err)
}

// By that name it is found by pidof and pkill.
func TestProgramStartedByALinkKeepsItsName(t *testing.T) {
	link := filepath.Join(t.TempDir(), "by-a-link")
	if err := os.Symlink(os.Args[0], link); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(link)
	c.Env = append(os.Environ(), role+"=where from")
	out, err := c.CombinedOutput()
	if want := "by-a-link\n" + link + " <nil> <nil>\n"; err != nil || string(out) != want {
		t.Errorf("%v: %s; want %s", err, out, want)
	}
}

// Where there is no /proc, as in some containers, a gateway serves all the same.
func TestExecutableIsFoundWithoutProc(t *testing.T) {
	c := exec.Command("/bin/sh", "-c", `mount -t tmpfs none /proc || exit 9; exec "$0"`, os.Args[0])
	c.Env = append(os.Environ(), role+"=where from")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
	}
	out, err := c.Output()
	if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || exit.ExitCode() == 9) {
		t.Skipf("/proc cannot be hidden: %v: %s", err, out)
	}
	if want := os.Args[0] + " <nil> readlink /proc/self/exe: no such file or directory\n"; err != nil || string(out) != want {
		t.Errorf("%v: %s; want %s", err, out, want)
	}
}
