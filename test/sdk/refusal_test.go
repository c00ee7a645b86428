package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"ai-gw-lite/internal/simulate"
)

// What the gateway refuses by itself has {"error":"CODE"} as its body, which is
// not what the clients expect of their providers. This is what becomes of it:
//
//   - Anthropic's raises its own error with the status, and with no type.
//   - Google's raises its own error with the status, and the body as its message.
//   - OpenAI's expects an object where the code stands, and raises the failure to
//     read it instead of its own error: the status is lost to the caller.
func TestRefusalsOfTheGatewayAreErrors(t *testing.T) {
	if binary == "" {
		t.Skip("there is no gateway to refuse anything")
	}
	wrongToken := func(w way) way {
		w.openAIToken, w.anthropicToken, w.geminiToken = "gw_wrong", "gw_wrong", "gw_wrong"
		return w
	}
	wrongRoute := func(w way) way {
		w.openAI = strings.Replace(w.openAI, "/openai", "/openai2", 1)
		w.anthropic, w.gemini = w.anthropic+"2", w.gemini+"2"
		return w
	}
	for _, c := range []struct {
		name   string
		wrong  func(way) way
		status int
		code   string
	}{
		{"wrong token", wrongToken, http.StatusUnauthorized, "unauthorized"},
		{"unknown route", wrongRoute, http.StatusNotFound, "route_not_found"},
	} {
		provider, w := connect(t, simulate.Options{})
		w = c.wrong(w)
		body := fmt.Sprintf(`{"error":%q}`, c.code)
		for _, s := range sdks {
			check := func(t *testing.T, err error, got *http.Response, text string) {
				t.Helper()
				if got == nil {
					t.Fatalf("no answer: %v", err)
				}
				if got.StatusCode != c.status || text != body || got.Header.Get("Content-Type") != "application/json" {
					t.Errorf("the gateway answered %s %v %q", got.Status, got.Header, text)
				}
				status, kind := s.raised(err)
				switch s.name {
				case "openai":
					if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
						t.Errorf("raised %T: %v", err, err)
					}
				case "anthropic":
					if status != c.status || kind != "" {
						t.Errorf("raised %d %q: %v", status, kind, err)
					}
				case "gemini":
					if status != c.status || !strings.Contains(err.Error(), body) {
						t.Errorf("raised %d: %v", status, err)
					}
				}
			}
			t.Run(c.name+" "+s.name, func(t *testing.T) {
				tap := &tap{next: w.client.Transport}
				w.client = &http.Client{Transport: tap}
				_, err := s.plain(t.Context(), w, nil)
				check(t, err, tap.last, tap.body)
				_, err = consume(t.Context(), s, w, nil)
				check(t, err, tap.last, tap.body)
			})
		}
		if n := provider.Requests(); n != 0 {
			t.Errorf("%s: the provider saw %d requests", c.name, n)
		}
	}
}

// tap keeps the last answer that passed, which a client may not tell about.
type tap struct {
	next http.RoundTripper
	last *http.Response
	body string
}

func (p *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := p.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(strings.NewReader(string(data)))
	p.last, p.body = res, string(data)
	return res, err
}
