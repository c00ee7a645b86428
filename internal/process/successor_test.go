//go:build unix

package process

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test's own executable plays the successor: what it does is named by role.
const role = "AI_GW_LITE_TEST_ROLE"

// roles are further ones, of a platform's own.
var roles = map[string]func(){}

func TestMain(m *testing.M) {
	if play := roles[os.Getenv(role)]; play != nil {
		play()
		return
	}
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "serve":
		serveOne()
	case "hang":
		time.Sleep(time.Minute)
	case "exit":
		os.Exit(3)
	case "babble":
		os.NewFile(readyPipe, "ready").Write([]byte("ready?"))
		time.Sleep(time.Minute)
	}
}

// serveOne takes the port over and answers one connection.
func serveOne() {
	i, err := Inherit()
	if err != nil || i == nil || i.Take("another:1") != nil {
		os.Exit(4)
	}
	ln := i.Take("the:address")
	if ln == nil || i.Take("the:address") != nil || os.Getenv(inheritance) != "" {
		os.Exit(5)
	}
	if i.Ready() != nil {
		os.Exit(6)
	}
	c, err := ln.Accept()
	if err != nil {
		os.Exit(7)
	}
	io.WriteString(c, "successor")
	c.Close()
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func succeed(t *testing.T, part string, ln net.Listener, within time.Duration) (*Successor, error) {
	t.Helper()
	t.Setenv(role, part)
	executable, err := Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), within, errors.New("too late"))
	defer cancel()
	return Start(ctx, executable, ln, "the:address")
}

func hear(t *testing.T, addr net.Addr) string {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSuccessorTakesThePortOver(t *testing.T) {
	ln := listener(t)
	s, err := succeed(t, "serve", ln, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if s.PID == os.Getpid() || s.PID <= 0 {
		t.Errorf("its number is %d", s.PID)
	}
	ln.Close()
	if got := hear(t, ln.Addr()); got != "successor" {
		t.Errorf("on the port answers %q", got)
	}
	if err := <-s.Ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestSuccessorThatDoesNotServeChangesNothing(t *testing.T) {
	for _, row := range []struct {
		part, why string
		within    time.Duration
	}{
		{"exit", "exit status 3", 30 * time.Second},
		{"hang", "too late", 300 * time.Millisecond},
		{"babble", "too late", 300 * time.Millisecond},
	} {
		t.Run(row.part, func(t *testing.T) {
			ln := listener(t)
			s, err := succeed(t, row.part, ln, row.within)
			if s != nil || err == nil || !strings.Contains(err.Error(), row.why) {
				t.Fatalf("%v, %v; want an error that says %q", s, err, row.why)
			}
			var status syscall.WaitStatus
			if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); err != syscall.ECHILD {
				t.Errorf("a process is left: %d, %v", pid, err)
			}
			doesNotBlock(t, ln)
			answered := make(chan string)
			go func() { answered <- hear(t, ln.Addr()) }()
			ln.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second))
			c, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "old")
			c.Close()
			if got := <-answered; got != "old" {
				t.Errorf("on the port answers %q", got)
			}
		})
	}
}

// doesNotBlock fails the test if the socket has been made to block: an
// accept would then outlast its deadline, and Close.
func doesNotBlock(t *testing.T, ln net.Listener) {
	t.Helper()
	ln.(*net.TCPListener).SetDeadline(time.Now().Add(time.Millisecond))
	late := make(chan error)
	go func() {
		_, err := ln.Accept()
		late <- err
	}()
	select {
	case err := <-late:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("accepting ends with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the listener blocks")
	}
}

func TestSuccessorThatCannotBeStartedIsAnError(t *testing.T) {
	_, err := Start(t.Context(), filepath.Join(t.TempDir(), "none"), listener(t), "the:address")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want that there is no such file", err)
	}
}

func TestProcessThatWasStartedOrdinarilyInheritsNothing(t *testing.T) {
	i, err := Inherit()
	if i != nil || err != nil {
		t.Fatalf("%v, %v", i, err)
	}
	if i.Take("a:1") != nil || i.Ready() != nil { // neither may fail
		t.Error("it has something")
	}
}

func TestUpgradeReportsToWhoeverAsked(t *testing.T) {
	ln, err := listenForReports(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := listenForReports(os.Getpid()); err == nil && reportAddress(1)[0] == '@' {
		t.Error("two commands listen at the same time")
	}
	for _, row := range []struct {
		name string
		say  func(r *Reporter)
		want string // of the error
		told string
	}{
		{"whole", func(r *Reporter) { r.Serving(7); r.Draining(2); r.Draining(1); r.Broken(0) }, "", "serving 7 draining 2 draining 1 broken 0 "},
		{"failed", func(r *Reporter) { r.Failed(errors.New("bad\nluck")) }, "serves as before: bad luck", ""},
		{"died at once", func(r *Reporter) {}, "ended before another one served", ""},
		{"died while draining", func(r *Reporter) { r.Serving(7); r.Draining(2) }, "ended before its drain was over", "serving 7 draining 2 "},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := Report()
			if r == nil {
				t.Fatal("nobody is there")
			}
			var told strings.Builder
			tell := func(word string) func(int) {
				return func(n int) { told.WriteString(word + " " + string(rune('0'+n)) + " ") }
			}
			u := Upgrade{PID: os.Getpid(), Serving: tell("serving"), Draining: tell("draining"), Broken: tell("broken")}
			conn, err := u.await(ln)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			row.say(r)
			r.conn.Close()
			switch err := u.follow(conn); {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
				t.Errorf("%v, want %q", err, row.want)
			}
			if told.String() != row.told {
				t.Errorf("told %q, want %q", told.String(), row.told)
			}
		})
	}
	var nobody *Reporter
	nobody.Serving(1) // must not fail
}

// A PID file that was left behind names any process. To most the signal is
// deadly, and to an interactive shell, which catches it, too.
func TestOnlyAGatewayIsAsked(t *testing.T) {
	if reportAddress(1)[0] != '@' {
		t.Skip("only Linux tells what a process is")
	}
	for name, script := range map[string]string{
		"it does not catch the signal": `echo ready; read x; exit 3`,
		"it catches the signal":        `trap 'exit 7' USR2; echo ready; read x; exit 3`,
	} {
		t.Run(name, func(t *testing.T) {
			shell := exec.Command("sh", "-c", script)
			stdin, err := shell.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := shell.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := shell.Start(); err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() { shell.Process.Kill() })
			if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			err = Upgrade{PID: shell.Process.Pid}.Run()
			if err == nil || !strings.Contains(err.Error(), "another program") {
				t.Errorf("%v, want that it is another program", err)
			}
			stdin.Close()
			if shell.Wait(); shell.ProcessState.ExitCode() != 3 {
				t.Errorf("it was signalled: %v", shell.ProcessState)
			}
		})
	}
}
