package sdk

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"ai-gw-lite/internal/simulate"
)

// gatewayToken is all that the clients hold when they go through the gateway.
const gatewayToken = "gw_what-the-clients-hold"

// The keys that the provider demands, one for each API.
const (
	openAIKey    = "sk-provider-openai"
	anthropicKey = "sk-ant-provider"
	geminiKey    = "AIza-provider"
)

// patience is how long a test waits for what should happen at once.
const patience = 15 * time.Second

// way is how clients reach the provider: base URLs as an operator would hand
// them out, and the secret that goes with each.
type way struct {
	openAI, anthropic, gemini                string
	openAIToken, anthropicToken, geminiToken string
	client                                   *http.Client
}

// connect starts a provider that demands its keys, and the way to it. Both end
// with the test.
func connect(t *testing.T, o simulate.Options) (*simulate.Server, way) {
	t.Helper()
	o.Keys = []string{openAIKey, anthropicKey, geminiKey}
	provider, err := simulate.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { provider.Close() })

	transport := &http.Transport{}
	w := way{
		openAI: provider.URL() + "/v1", anthropic: provider.URL(), gemini: provider.URL(),
		openAIToken: openAIKey, anthropicToken: anthropicKey, geminiToken: geminiKey,
		client: &http.Client{Transport: transport},
	}
	if binary != "" {
		gateway := startGateway(t, provider.URL())
		w.openAI, w.anthropic, w.gemini = gateway+"/openai/v1", gateway+"/anthropic", gateway+"/gemini"
		w.openAIToken, w.anthropicToken, w.geminiToken = gatewayToken, gatewayToken, gatewayToken
	}
	t.Cleanup(transport.CloseIdleConnections)
	return provider, w
}

const config = `
listen: %q
gateway_auth:
  tokens: [%q]
  token_sources:
    - {type: "authorization_bearer"}
    - {type: "header", name: "x-api-key"}
    - {type: "header", name: "x-goog-api-key"}
routes:
  - id: "openai"
    prefix: "/openai"
    upstream:
      base_url: %[3]q
      inject_headers: [{name: "authorization", value: "Bearer %[4]s"}]
  - id: "anthropic"
    prefix: "/anthropic"
    upstream:
      base_url: %[3]q
      inject_headers: [{name: "x-api-key", value: %[5]q}]
  - id: "gemini"
    prefix: "/gemini"
    upstream:
      base_url: %[3]q
      inject_headers: [{name: "x-goog-api-key", value: %[6]q}]
`

// startGateway runs the gateway in front of a provider until the test ends, and
// returns its URL when it is healthy.
func startGateway(t *testing.T, provider string) string {
	t.Helper()
	addr := freeAddress(t)
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := fmt.Sprintf(config, addr, gatewayToken, provider, openAIKey, anthropicKey, geminiKey)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, binary, "--config", file)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second // and then it is killed
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		stop()
		<-exited
		if t.Failed() {
			t.Logf("the gateway said:\n%s", &stderr)
		}
	})

	url := "http://" + addr
	for deadline := time.Now().Add(patience); !healthy(url); {
		select {
		case <-exited:
			t.Fatal("the gateway did not stay up")
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the gateway is not healthy")
		}
	}
	return url
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

// waitFor waits for a report of the provider.
func waitFor(t *testing.T, report <-chan string) {
	t.Helper()
	select {
	case <-report:
	case <-time.After(patience):
		t.Fatal("the provider did not notice")
	}
}
