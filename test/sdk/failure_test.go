package sdk

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"ai-gw-lite/internal/simulate"

	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	openaioption "github.com/openai/openai-go/v3/option"
)

// consume reads a stream to its end and tells how many events it had.
func consume(ctx context.Context, s sdk, w way, h headers) (events int, err error) {
	for _, err := range s.stream(ctx, w, h) {
		if err != nil {
			return events, err
		}
		events++
	}
	return events, nil
}

func TestProvidersErrorsAreRaisedAsTheirOwn(t *testing.T) {
	provider, w := connect(t, simulate.Options{})
	kinds := map[string]map[int]string{
		"openai":    {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "", 503: ""},
		"anthropic": {401: "authentication_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"},
		"gemini":    {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"},
	}
	for _, s := range sdks {
		for status, kind := range kinds[s.name] {
			t.Run(fmt.Sprintf("%s %d", s.name, status), func(t *testing.T) {
				h := headers{"x-sim-status": strconv.Itoa(status)}
				before := provider.Requests()
				_, err := s.plain(t.Context(), w, h)
				if gotStatus, gotKind := s.raised(err); gotStatus != status || gotKind != kind {
					t.Errorf("plain: %d %q, want %q: %v", gotStatus, gotKind, kind, err)
				}
				_, err = consume(t.Context(), s, w, h)
				if gotStatus, gotKind := s.raised(err); gotStatus != status || gotKind != kind {
					t.Errorf("stream: %d %q, want %q: %v", gotStatus, gotKind, kind, err)
				}
				if n := provider.Requests() - before; n != 2 {
					t.Errorf("the provider saw %d requests, want 2", n)
				}
			})
		}
	}
}

// A provider that asks for a wait of a millisecond is asked again after it, and
// not after the half second that the clients take by themselves.
func TestClientsRetryAsTheProviderAsks(t *testing.T) {
	provider, w := connect(t, simulate.Options{})
	h := headers{"x-sim-status": "429", "x-sim-retry-after": "ms:1"}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	client := openAIClient(w, h, openaioption.WithMaxRetries(2))
	_, err := client.Chat.Completions.New(ctx, openAIQuestion())
	if status, _ := openAISDK.raised(err); status != 429 || provider.Requests() != 3 {
		t.Errorf("openai: %d requests, %v", provider.Requests(), err)
	}
	other := anthropicClient(w, h, anthropicoption.WithMaxRetries(2))
	_, err = other.Messages.New(ctx, anthropicQuestion())
	if status, _ := anthropicSDK.raised(err); status != 429 || provider.Requests() != 6 {
		t.Errorf("anthropic: %d requests in all, %v", provider.Requests(), err)
	}
}

// A stream that the provider breaks off must not look complete.
func TestBrokenStreamsAreErrors(t *testing.T) {
	_, w := connect(t, simulate.Options{})
	for _, s := range sdks {
		for _, fault := range []simulate.Fault{simulate.Truncate, simulate.Reset} {
			t.Run(fmt.Sprintf("%s %s", s.name, fault), func(t *testing.T) {
				events, err := consume(t.Context(), s, w, headers{"x-sim-fault": string(fault), "x-sim-after": "5"})
				if err == nil {
					t.Fatalf("%d events and then a clean end", events)
				}
				if status, _ := s.raised(err); status != 0 {
					t.Errorf("raised as an answer of the provider: %v", err)
				}
			})
		}
	}
}

func TestErrorInAStreamIsRaised(t *testing.T) {
	_, w := connect(t, simulate.Options{})
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			events, err := consume(t.Context(), s, w, headers{"x-sim-fault": "error-event", "x-sim-after": "5"})
			if err == nil || events != 5-s.silent {
				t.Errorf("%d events and then %v", events, err)
			}
		})
	}
}

func TestCancelOfAStreamReachesTheProvider(t *testing.T) {
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			gone := make(chan string, 1)
			provider, w := connect(t, simulate.Options{OnCanceled: func(path string) { gone <- path }})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			events := 0
			for _, err := range s.stream(ctx, w, headers{"x-sim-fault": "stall", "x-sim-after": "5"}) {
				if err != nil {
					break
				}
				if events++; events == 2 {
					cancel()
				}
			}
			if events < 2 {
				t.Fatalf("%d events before the silence", events)
			}
			waitFor(t, gone)
			if n := provider.Canceled(); n != 1 {
				t.Errorf("%d requests canceled, want 1", n)
			}
		})
	}
}

// A client that gives up before the first byte gives up the request all the
// same: tokens that nobody will read are still billed.
func TestCancelBeforeTheHeadReachesTheProvider(t *testing.T) {
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			arrived := make(chan struct{})
			gone := make(chan string, 1)
			_, w := connect(t, simulate.Options{
				OnRequest:  func(string) { close(arrived) },
				OnCanceled: func(path string) { gone <- path },
			})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			go func() {
				<-arrived
				cancel()
			}()
			if _, err := s.plain(ctx, w, headers{"x-sim-head-delay": "1h"}); err == nil {
				t.Error("answered")
			}
			waitFor(t, gone)
		})
	}
}
