package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// program is ai-gw-lite, serving in a process of its own.
type program struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
}

// serveProgram runs the program on a config that lacks nothing but where to
// listen, and returns once it answers. Where its output goes is the caller's
// to say.
func serveProgram(t *testing.T, config string, stdout, stderr io.Writer, env ...string) *program {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	p := &program{t: t, address: freeAddress(t)}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("listen: "+p.address+config), 0o600); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command("ai-gw-lite", "--config", path)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	req, err := http.NewRequest("GET", "http://"+p.address+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := whenListening(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return p
}

// say sends bytes as they are on a connection of their own and returns all
// that comes back.
func (p *program) say(request string) string {
	p.t.Helper()
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, request) // a refusal may come before its end
	answer, err := io.ReadAll(c)
	if err != nil && (len(answer) == 0 || errors.Is(err, os.ErrDeadlineExceeded)) {
		p.t.Fatalf("%.60q was answered by %.60q, then: %v", request, answer, err)
	}
	return string(answer)
}

// terminate ends the program as its operator would, which must be in good order.
func (p *program) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("after SIGTERM: %v", err)
	}
}
