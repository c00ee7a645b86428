package sdk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// gateway is one that runs until the test ends.
type gateway struct {
	url   string
	lines chan line // of its access log, if that is on
}

// preface is what the configurations of all tests have in common.
const preface = `
listen: %q
gateway_auth:
  tokens: [%q]
  token_sources:
    - {type: "authorization_bearer"}
    - {type: "header", name: "x-api-key"}
    - {type: "header", name: "x-goog-api-key"}
`

// startGateway runs the gateway with that configuration below the preface, and
// returns when it is healthy.
func startGateway(t *testing.T, config string) *gateway {
	t.Helper()
	addr := freeAddress(t)
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(preface, addr, gatewayToken)+config), 0o600); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, binary, "--config", file)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second // and then it is killed
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, log := io.Pipe()
	command.Stdout = log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	g := &gateway{url: "http://" + addr, lines: make(chan line, 1000)}
	read := make(chan error, 1)
	go func() { read <- readLines(stdout, g.lines) }()
	exited := make(chan struct{})
	go func() {
		_ = command.Wait()
		log.Close()
		close(exited)
	}()
	t.Cleanup(func() {
		stop()
		<-exited
		if err := <-read; err != nil {
			t.Errorf("the access log: %v", err)
		}
		if t.Failed() {
			t.Logf("the gateway said:\n%s", &stderr)
		}
	})

	for deadline := time.Now().Add(patience); !healthy(g.url); {
		select {
		case <-exited:
			t.Fatal("the gateway did not stay up")
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the gateway is not healthy")
		}
	}
	return g
}

func healthy(url string) bool {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Get(url + "/healthz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// freeAddress is one that nobody listened on a moment ago: the gateway has no
// way to tell which port it was given.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
