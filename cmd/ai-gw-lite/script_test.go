package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary be ai-gw-lite when it is called by that name:
// scripts and tests run the program itself.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ai-gw-lite": main})
}

// What each command promises its user stands in testdata, one script a command.
func TestCommandsKeepWhatTheirScriptsPromise(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or each program would sleep for a second at its end
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"address":   address,
			"exits":     exits,
			"fetch":     fetch,
			"mode":      mode,
			"port":      port,
			"terminate": terminate,
		},
	})
}

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// address NAME... sets variables to addresses on which nobody listens.
func address(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		ts.Setenv(name, freeAddress(ts))
	}
}

func freeAddress(t interface{ Fatalf(string, ...any) }) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// port NAME ADDRESS sets a variable to the port of an address.
func port(ts *testscript.TestScript, _ bool, args []string) {
	_, port, err := net.SplitHostPort(args[1])
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// exits CODE COMMAND... runs a command that must end with that code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// fetch URL [TOKEN] prints status and body of an answer. It waits until
// somebody listens.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	req, err := http.NewRequest("GET", args[0], nil)
	ts.Check(err)
	if len(args) > 1 {
		req.Header.Set("Authorization", "Bearer "+args[1])
	}
	res, err := whenListening(req)
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", res.StatusCode, body)
}

// whenListening sends a request, again and again until there is an answer.
func whenListening(req *http.Request) (*http.Response, error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		res, err := client.Do(req)
		if err == nil || time.Now().After(end) {
			return res, err
		}
	}
}

// mode PERMISSIONS FILE fails unless the file has them.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// terminate asks every command in the background to end, with SIGTERM.
func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}
