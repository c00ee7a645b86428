package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/simulate"
)

// mockPatience is how long answers under way may go on once the mock is to stop.
const mockPatience = 10 * time.Second

func newMock() *cobra.Command {
	var listen string
	var o simulate.Options
	c := &cobra.Command{
		Use:   "mock",
		Short: "Run a simulated AI provider, to test clients and gateways without a key",
		Long: `A simulated provider: it speaks the APIs of OpenAI (chat completions, responses,
embeddings), Anthropic, Gemini and Ollama, plain and streamed, with usage, at a
chosen pace and with chosen faults. No model, no key, no network.

The flags hold for every request. One request changes any of them for itself, in
its query or a header: --head-delay is sim_head_delay=2s, or X-Sim-Head-Delay: 2s.
docs/mock.md has all of it, and the bounds on what it holds in memory.`,
		Example: `  ai-gw-lite mock --listen 127.0.0.1:8081 --pace 40ms --tokens 200
  ai-gw-lite mock --status 429 --retry-after 3
  curl -N 'http://127.0.0.1:8081/v1/messages?sim_fault=reset&sim_after=5' -d '{"stream":true}'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return mock(listen, o) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&listen, "listen", "127.0.0.1:8081", "the `ADDRESS` to listen on; port 0 is any free one")
	flags.StringArrayVar(&o.Keys, "key", nil, "a provider `KEY` to accept, may be repeated (default: any, and none)")
	for _, control := range simulate.Controls() {
		f := flags.VarPF(mannerFlag{control, &o.Manner}, control.Name, "", control.Use)
		if control.Value == "" {
			f.NoOptDefVal = "true"
		}
	}
	return c
}

// mannerFlag sets one control of the manner for all requests.
type mannerFlag struct {
	simulate.Control
	manner *simulate.Manner
}

func (f mannerFlag) Set(value string) error { return f.manner.Set(f.Name, value) }
func (f mannerFlag) Type() string           { return f.Value }
func (f mannerFlag) String() string         { return "" }

func mock(listen string, o simulate.Options) error {
	if !isAddress(listen) {
		return fmt.Errorf("mock: --listen %q is no host:port", listen)
	}
	caught := catchStop()
	provider, err := simulate.Listen(listen, o)
	if err != nil {
		return failure(fmt.Errorf("ai-gw-lite: mock: %w", err))
	}
	key := ""
	if len(o.Keys) > 0 {
		key = " -H 'Authorization: Bearer KEY'"
	}
	url, err := localURL(&config.Config{Listen: provider.Addr()})
	if err != nil {
		return failure(err)
	}
	fmt.Printf("simulated provider on %s (Ctrl-C ends it)\n\ncurl -N %s/v1/chat/completions%s -H 'Content-Type: application/json' -d '%s'\n",
		provider.Addr(), url, key, simulatedQuestion)
	<-caught.stop
	return stopMock(provider, caught)
}

// stopMock lets answers under way end, for a while. A second signal cuts them.
func stopMock(provider *simulate.Server, caught signals) error {
	ctx, cancel := context.WithTimeout(context.Background(), mockPatience)
	defer cancel()
	second := make(chan struct{})
	go func() {
		select {
		case <-caught.stop:
			close(second)
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = provider.Shutdown(ctx) // what did not end in time is cut
	select {
	case <-second:
		return failure(errSecondSignal)
	default:
		return nil
	}
}
