package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/simulate"

	"github.com/openai/openai-go/v3"
)

// refusal is an answer of the gateway's own, and how a client comes by it.
type refusal struct {
	name    string
	extra   extra
	happen  func(*testing.T, *simulate.Server, way) way // nil: nothing has to
	headers headers
	sent    bool // the provider sees the request all the same
	status  int
	code    string
	end     string            // of the exchange, in the access log
	kinds   map[string]string // what native form has each client raise
	oaType  string            // OpenAI's has a type beside it
}

var refusals = []refusal{{
	name: "wrong token",
	happen: func(_ *testing.T, _ *simulate.Server, w way) way {
		w.openAIToken, w.anthropicToken, w.geminiToken = "gw_wrong", "gw_wrong", "gw_wrong"
		return w
	},
	status: http.StatusUnauthorized, code: "unauthorized", end: "refused",
	kinds:  map[string]string{"openai": "unauthorized", "anthropic": "authentication_error", "gemini": "UNAUTHENTICATED"},
	oaType: "authentication_error",
}, {
	name: "unknown route",
	happen: func(_ *testing.T, _ *simulate.Server, w way) way {
		w.openAI = strings.Replace(w.openAI, "/openai", "/openai2", 1)
		w.anthropic, w.gemini = w.anthropic+"2", w.gemini+"2"
		return w
	},
	status: http.StatusNotFound, code: "route_not_found", end: "refused",
	kinds:  map[string]string{"openai": "route_not_found", "anthropic": "not_found_error", "gemini": "NOT_FOUND"},
	oaType: "invalid_request_error",
}, {
	name: "rate limit", extra: extra{top: "rate_limit: {per_minute: 1}"}, happen: useUpTheMinute,
	status: http.StatusTooManyRequests, code: "rate_limited", end: "refused",
	kinds:  map[string]string{"openai": "rate_limited", "anthropic": "rate_limit_error", "gemini": "RESOURCE_EXHAUSTED"},
	oaType: "rate_limit_error",
}, {
	name: "full", extra: extra{top: "concurrency: {downstream_max_inflight: 1}"}, happen: takeTheSlot,
	status: http.StatusServiceUnavailable, code: "downstream_concurrency_exceeded", end: "refused",
	kinds:  map[string]string{"openai": "downstream_concurrency_exceeded", "anthropic": "api_error", "gemini": "UNAVAILABLE"},
	oaType: "server_error",
}, {
	name: "provider down",
	happen: func(_ *testing.T, provider *simulate.Server, w way) way {
		provider.Close()
		return w
	},
	status: http.StatusBadGateway, code: "upstream_connect_error", end: "upstream_broken",
	kinds:  map[string]string{"openai": "upstream_connect_error", "anthropic": "api_error", "gemini": "UNAVAILABLE"},
	oaType: "server_error",
}, {
	name: "provider slow", extra: extra{upstream: "request_timeout_ms: 50"}, headers: headers{"x-sim-head-delay": "1h"}, sent: true,
	status: http.StatusGatewayTimeout, code: "upstream_timeout", end: "timeout",
	kinds:  map[string]string{"openai": "upstream_timeout", "anthropic": "timeout_error", "gemini": "DEADLINE_EXCEEDED"},
	oaType: "server_error",
}}

// useUpTheMinute has every client make the one request that it may make. The
// minute must not end before the requests that are to be refused.
func useUpTheMinute(t *testing.T, _ *simulate.Server, w way) way {
	if now := time.Now(); now.Second() >= 57 {
		time.Sleep(time.Until(now.Truncate(time.Minute).Add(time.Minute)))
	}
	for _, s := range sdks {
		if _, err := s.plain(t.Context(), w, nil); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// takeTheSlot has a stream that does not go on until the test ends.
func takeTheSlot(t *testing.T, _ *simulate.Server, w way) way {
	ctx, cancel := context.WithCancel(context.Background())
	began, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for range openAISDK.stream(ctx, w, headers{"x-sim-fault": "stall", "x-sim-after": "1"}) {
			close(began)
			<-ctx.Done()
			return
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case <-began:
	case <-time.After(patience):
		t.Fatal("the stream did not begin")
	}
	return w
}

// every has each client meet each refusal, plain and as a stream, and hands what
// it raised and what it got to check.
func every(t *testing.T, format string, check func(*testing.T, refusal, sdk, error, *tap)) {
	if binary == "" {
		t.Skip("there is no gateway to refuse anything")
	}
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			more := c.extra
			more.top += "\nerrors: {format: " + format + "}" + accessLog
			provider, w, g := connectWith(t, simulate.Options{}, more)
			if c.happen != nil {
				w = c.happen(t, provider, w)
			}
			before := provider.Requests()
			for _, s := range sdks {
				t.Run(s.name, func(t *testing.T) {
					w, tap := tapped(w)
					_, err := s.plain(t.Context(), w, c.headers)
					check(t, c, s, err, tap)
					g.refused(t, c)
					_, err = consume(t.Context(), s, w, c.headers)
					check(t, c, s, err, tap)
					g.refused(t, c)
				})
			}
			want := before
			if c.sent {
				want += int64(2 * len(sdks))
			}
			if n := provider.Requests(); n != want {
				t.Errorf("the provider saw %d requests, want %d", n, want)
			}
		})
	}
}

// What the gateway refuses by itself has {"error":"CODE"} as its body, which is
// not what the clients expect of their providers. This is what becomes of it:
//
//   - Anthropic's raises its own error with the status, and with no type.
//   - Google's raises its own error with the status, and the body as its message.
//   - OpenAI's expects an object where the code stands, and raises the failure to
//     read it instead of its own error: the status is lost to the caller.
func TestSimpleRefusalsAreErrors(t *testing.T) {
	every(t, "simple", func(t *testing.T, c refusal, s sdk, err error, got *tap) {
		t.Helper()
		got.isRefusal(t, c)
		body := fmt.Sprintf(`{"error":%q}`, c.code)
		if got.body != body {
			t.Errorf("the body is %s", got.body)
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
	})
}

// In native form every client raises what it would for its provider's refusal.
func TestNativeRefusalsAreTheClientsOwnErrors(t *testing.T) {
	every(t, "native", func(t *testing.T, c refusal, s sdk, err error, got *tap) {
		t.Helper()
		got.isRefusal(t, c)
		if status, kind := s.raised(err); status != c.status || kind != c.kinds[s.name] {
			t.Errorf("raised %d %q, want %d %q: %v", status, kind, c.status, c.kinds[s.name], err)
		}
		if !strings.Contains(got.body, "gateway: "+c.code) {
			t.Errorf("%s does not say who refused", got.body)
		}
		if e, ok := errors.AsType[*openai.Error](err); ok && e.Type != c.oaType {
			t.Errorf("raised the type %q, want %q", e.Type, c.oaType)
		}
	})
}

// isRefusal checks what does not depend on the form.
func (p *tap) isRefusal(t *testing.T, c refusal) {
	t.Helper()
	if p.last == nil {
		t.Fatal("there was no answer")
	}
	h := p.last.Header
	if p.last.StatusCode != c.status || h.Get("Content-Type") != "application/json" || h.Get("X-Gw-Error") != c.code {
		t.Errorf("the gateway answered %s %v %q", p.last.Status, h, p.body)
	}
	p.last = nil
}

// refused checks the next line of the access log that has a code.
func (g *gateway) refused(t *testing.T, c refusal) {
	t.Helper()
	l := g.line(t)
	for l.Code == "" { // of what happened before
		l = g.line(t)
	}
	if l.Code != c.code || l.Status != c.status || l.End != c.end || l.Usage != nil {
		t.Errorf("the line is %+v", l)
	}
}
