package observe

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"ai-gw-lite/internal/gateway"
)

func TestFailureOfTheGatewaysOwnIsLoggedWithItsCause(t *testing.T) {
	var b bytes.Buffer
	f := NewFailures(slog.New(slog.NewTextHandler(&b, nil)))
	f.End(&gateway.Outcome{Route: "openai", Upstream: "https://api.openai.com", Status: 502, Code: "upstream_connect_error", Cause: errors.New("connection refused")})
	line := b.String()
	for _, want := range []string{"route=openai", "upstream=https://api.openai.com", "status=502", "code=upstream_connect_error", `cause="connection refused"`} {
		if !strings.Contains(line, want) {
			t.Errorf("%q lacks %s", line, want)
		}
	}
	if strings.Count(line, "\n") != 1 {
		t.Errorf("it is not one line: %q", line)
	}
}

func TestWhatIsNoFailureOfTheGatewaysIsNotLogged(t *testing.T) {
	var b bytes.Buffer
	f := NewFailures(slog.New(slog.NewTextHandler(&b, nil)))
	for _, o := range []gateway.Outcome{
		{Status: 200},
		{Status: 401, Code: "unauthorized"},
		{Status: 429, Code: "rate_limited"},
		{Status: 500},                                  // the upstream's own
		{Status: 200, Cause: errors.New("broken off")}, // not made by the gateway
	} {
		f.End(&o)
	}
	if b.Len() > 0 {
		t.Errorf("logged %q", b.String())
	}
}

func TestFailureBeforeAnUpstreamNamesNone(t *testing.T) {
	var b bytes.Buffer
	NewFailures(slog.New(slog.NewTextHandler(&b, nil))).End(&gateway.Outcome{Route: "a", Status: 503, Code: "downstream_concurrency_exceeded"})
	if line := b.String(); strings.Contains(line, "upstream=") || strings.Contains(line, "cause=") {
		t.Errorf("logged %q", line)
	}
}
