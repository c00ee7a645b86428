package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/observe"
	"ai-gw-lite/internal/server"
	"ai-gw-lite/internal/simulate"
	"ai-gw-lite/internal/upstream"
)

// The demo's gateway is configured like any other, from text.
const demoConfig = `
listen: %q
gateway_auth:
  tokens: [%q]
routes:
  - id: openai
    prefix: /openai
    upstream:
      base_url: %q
      inject_headers:
        - {name: authorization, value: %q}
`

const (
	demoToken       = "gw_demo"
	demoProviderKey = "sk-simulated"
)

// simulatedQuestion is the request that demo sends, and that demo and mock show
// as a curl line to paste.
const simulatedQuestion = `{"model":"simulated","stream":true,"messages":[{"role":"user","content":"Why stream?"}]}`

func newDemo() *cobra.Command {
	var once bool
	var listen string
	c := &cobra.Command{
		Use:   "demo",
		Short: "See the gateway work against a simulated provider: no key needed",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return demo(listen, once) },
	}
	c.Flags().BoolVar(&once, "once", false, "end after the first answer")
	c.Flags().StringVar(&listen, "listen", "", "the gateway's `ADDRESS` (default 127.0.0.1:8080, or any free port)")
	return c
}

func demo(listen string, once bool) error {
	if listen != "" && !isAddress(listen) {
		return fmt.Errorf("demo: --listen %q is no host:port", listen)
	}
	provider, err := simulate.Listen("127.0.0.1:0", simulate.Options{
		Keys:   []string{demoProviderKey},
		Manner: simulate.Manner{Pace: 40 * time.Millisecond},
	})
	if err != nil {
		return failure(err)
	}
	defer provider.Close()
	lines := observe.NewLines(os.Stderr)
	defer lines.Flush(time.Second)
	log := slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelError}))
	caught := catchStop()
	g, err := startDemo(listen, provider.URL(), log)
	if err != nil {
		return failure(err)
	}
	ln, _ := g.Listener()
	url := "http://" + ln.Addr().String() + "/openai/v1/chat/completions"
	fmt.Printf("you  ->  gateway %s  ->  simulated provider %s\n\n", ln.Addr(), provider.Addr())
	if err := ask(url); err != nil {
		return failure(fmt.Errorf("ai-gw-lite: demo: %w", err))
	}
	if once {
		return nil
	}
	fmt.Printf("\nThe gateway took the client's token %q away and put the provider's key in.\nNow yours, from another terminal (Ctrl-C here ends the demo):\n\ncurl -N %s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '%s'\n", demoToken, url, demoToken, simulatedQuestion)
	r := &running{log: log, service: g, signals: caught}
	return r.run()
}

// startDemo starts the gateway where it was asked to, by default on a well
// known port or, if that is taken, on any.
func startDemo(listen, provider string, log *slog.Logger) (*server.Service, error) {
	addresses := []string{listen}
	if listen == "" {
		addresses = []string{"127.0.0.1:8080", "127.0.0.1:0"}
	}
	var failed error
	for _, a := range addresses {
		c, err := loadDemo(a, provider)
		if err != nil {
			return nil, err
		}
		g := gateway.New(upstream.NewDialer(nil), observe.NewFailures(log))
		service := server.NewService(g, server.Listen, nil, log)
		if failed = service.Apply(c); failed == nil {
			return service, nil
		}
	}
	return nil, failed
}

func isAddress(s string) bool {
	_, port, err := net.SplitHostPort(s)
	_, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil
}

func loadDemo(listen, provider string) (*config.Config, error) {
	text := fmt.Sprintf(demoConfig, listen, demoToken, provider, "Bearer "+demoProviderKey)
	return config.Load("demo.yaml", config.Env{
		Lookup:   func(string) (string, bool) { return "", false },
		ReadFile: func(string) ([]byte, error) { return []byte(text), nil },
	})
}

// ask sends one streamed chat completion and prints its tokens as they come.
func ask(url string) error {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(simulatedQuestion))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+demoToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answers %s", res.Status)
	}
	events := bufio.NewScanner(res.Body)
	for events.Scan() {
		data, ok := strings.CutPrefix(events.Text(), "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			fmt.Println()
			_, err := io.Copy(io.Discard, res.Body)
			return err
		}
		printToken(data)
	}
	return errors.Join(events.Err(), io.ErrUnexpectedEOF)
}

func printToken(data string) {
	var chunk struct {
		Choices []struct{ Delta struct{ Content string } }
	}
	if json.Unmarshal([]byte(data), &chunk) == nil && len(chunk.Choices) > 0 {
		fmt.Print(chunk.Choices[0].Delta.Content)
	}
}
