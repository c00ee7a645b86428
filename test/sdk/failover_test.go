package sdk

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"ai-gw-lite/internal/simulate"
)

// twoUpstreams is a route whose upstreams have a key each, so that a wrong one
// shows. Neither has a cooldown: each request is to begin with the first.
const twoUpstreams = `
  - id: %[1]q
    prefix: "/%[1]s"
    upstreams:
      - {id: "first", priority: 0, base_url: %[2]q, key_header: %[4]s, keys: [{id: "main", value: "key-first"}]}
      - {id: "second", priority: 1, base_url: %[3]q, key_header: %[4]s, keys: [{id: "main", value: "key-second"}]}
    retry: {max_attempts: 2}
    cooldown: {"429": 0, "529": 0}
`

var keyHeaders = map[string]string{
	"openai":    `{name: "authorization", prefix: "Bearer "}`,
	"anthropic": `{name: "x-api-key"}`,
	"gemini":    `{name: "x-goog-api-key"}`,
}

// startTwo starts a gateway whose routes have these two upstreams.
func startTwo(t *testing.T, first, second *witness) *gateway {
	t.Helper()
	config := accessLog + "routes:"
	for _, s := range sdks {
		config += fmt.Sprintf(twoUpstreams, s.name, first.url, second.url, keyHeaders[s.name])
	}
	return startGateway(t, config)
}

func TestFailoverIsOneCleanAnswerToTheClient(t *testing.T) {
	if binary == "" {
		t.Skip("there is no gateway to fail over")
	}
	want := simulate.Answer(prompt, simulate.DefaultTokens)
	for _, status := range []int{429, 529} {
		first := startWitness(t, "key-first", simulate.Manner{Status: status})
		second := startWitness(t, "key-second", simulate.Manner{})
		g := startTwo(t, first, second)
		check := func(t *testing.T, s sdk, got reply) {
			t.Helper()
			if got.text != want || got.usage != usageOf(simulate.Count(prompt, want)) {
				t.Errorf("%+v, want %q", got, want)
			}
			if l := g.line(t); l.Upstream != "second" || l.Attempts != 2 || l.Status != 200 || l.End != "complete" {
				t.Errorf("the line is %+v", l)
			}
			one, two := first.take(t), second.take(t)
			if len(one.body) == 0 || !reflect.DeepEqual(one, two) {
				t.Errorf("the first upstream was sent %s, the second %s", one, two)
			}
		}
		for _, s := range sdks {
			t.Run(fmt.Sprintf("%s plain %d", s.name, status), func(t *testing.T) {
				got, err := s.plain(t.Context(), g.way(t), nil)
				if err != nil {
					t.Fatal(err)
				}
				check(t, s, got)
			})
			t.Run(fmt.Sprintf("%s stream %d", s.name, status), func(t *testing.T) {
				var got reply
				for event, err := range s.stream(t.Context(), g.way(t), nil) {
					if err != nil {
						t.Fatal(err)
					}
					got.text += event.text
					if event.usage != (usage{}) {
						got.usage = event.usage
					}
				}
				check(t, s, got)
			})
		}
	}
}

// When all attempts are used up the client raises what the last upstream said.
func TestWithoutAnAttemptLeftTheLastAnswerIsRaised(t *testing.T) {
	if binary == "" {
		t.Skip("there is no gateway to fail over")
	}
	first := startWitness(t, "key-first", simulate.Manner{Status: 429})
	second := startWitness(t, "key-second", simulate.Manner{Status: 503})
	g := startTwo(t, first, second)
	kinds := map[string]string{"openai": "", "anthropic": "api_error", "gemini": "UNAVAILABLE"}
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			w, tap := tapped(g.way(t))
			_, err := s.plain(t.Context(), w, nil)
			if status, kind := s.raised(err); status != 503 || kind != kinds[s.name] {
				t.Errorf("raised %d %q: %v", status, kind, err)
			}
			if h := tap.last.Header; h.Get("X-Gw-Error") != "" {
				t.Errorf("the provider's answer is called the gateway's: %v", h)
			}
			if l := g.line(t); l.Attempts != 2 || l.Status != 503 || l.Code != "" {
				t.Errorf("the line is %+v", l)
			}
			first.take(t)
			second.take(t)
		})
	}
}

// witness is a provider that tells what it was sent.
type witness struct {
	url  string
	sent chan sending
}

// sending is a request but for its key, which the provider checks.
type sending struct {
	method, target, body string
	header               http.Header
}

func (s sending) String() string {
	return strings.Join([]string{s.method, s.target, fmt.Sprint(s.header), s.body}, " ")
}

func startWitness(t *testing.T, key string, manner simulate.Manner) *witness {
	provider := simulate.New(simulate.Options{Keys: []string{key}, Manner: manner})
	w := &witness{sent: make(chan sending, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request: %v", err)
		}
		h := r.Header.Clone()
		for _, own := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key"} {
			h.Del(own)
		}
		w.sent <- sending{r.Method, r.URL.RequestURI(), string(body), h}
		r.Body = io.NopCloser(bytes.NewReader(body))
		provider.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// take is the one request that was sent since the last.
func (w *witness) take(t *testing.T) sending {
	t.Helper()
	if n := len(w.sent); n != 1 {
		t.Fatalf("sent %d requests, want 1", n)
	}
	return <-w.sent
}
