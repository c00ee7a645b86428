package sdk

import (
	"fmt"
	"net/http"
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
	provider, w, _ := connectWith(t, o, extra{})
	return provider, w
}

// extra is what a gateway's configuration says beyond what it must.
type extra struct {
	top      string // lines of YAML
	upstream string // a field of every upstream, "name: value"
}

// connectWith is connect with more in the gateway's configuration. Without a
// gateway there is none to return.
func connectWith(t *testing.T, o simulate.Options, more extra) (*simulate.Server, way, *gateway) {
	t.Helper()
	o.Keys = []string{openAIKey, anthropicKey, geminiKey}
	provider, err := simulate.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { provider.Close() })
	if binary == "" {
		return provider, way{
			openAI: provider.URL() + "/v1", anthropic: provider.URL(), gemini: provider.URL(),
			openAIToken: openAIKey, anthropicToken: anthropicKey, geminiToken: geminiKey,
			client: newClient(t),
		}, nil
	}
	if more.upstream == "" {
		more.upstream = "strip_prefix: true" // the default
	}
	g := startGateway(t, more.top+fmt.Sprintf(routes, provider.URL(), openAIKey, anthropicKey, geminiKey, more.upstream))
	return provider, g.way(t), g
}

const routes = `
routes:
  - id: "openai"
    prefix: "/openai"
    upstream:
      base_url: %[1]q
      inject_headers: [{name: "authorization", value: "Bearer %[2]s"}]
      %[5]s
  - id: "anthropic"
    prefix: "/anthropic"
    upstream:
      base_url: %[1]q
      inject_headers: [{name: "x-api-key", value: %[3]q}]
      %[5]s
  - id: "gemini"
    prefix: "/gemini"
    upstream:
      base_url: %[1]q
      inject_headers: [{name: "x-goog-api-key", value: %[4]q}]
      %[5]s
`

// way is the way through the gateway's routes.
func (g *gateway) way(t *testing.T) way {
	return way{
		openAI: g.url + "/openai/v1", anthropic: g.url + "/anthropic", gemini: g.url + "/gemini",
		openAIToken: gatewayToken, anthropicToken: gatewayToken, geminiToken: gatewayToken,
		client: newClient(t),
	}
}

// newClient is an HTTP client whose connections end with the test.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
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
