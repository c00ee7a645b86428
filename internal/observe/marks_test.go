package observe

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/simulate"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// A client writes its token wherever it can, and an upstream echoes its key.
func TestNoSecretIsShownAnywhere(t *testing.T) {
	collector := startReceiver(t, "127.0.0.1:0")
	hold := make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Echo", key)
		fmt.Fprintf(w, `{"model":%q,"usage":{"prompt_tokens":1,"completion_tokens":1,"note":%q}`, key, key)
		w.(http.Flusher).Flush()
		<-hold
		io.WriteString(w, "}")
	}))
	defer provider.Close()
	on := withTracing(collector.addr)
	on.Logging.Level = "debug"
	on.Metrics = config.Metrics{Enabled: true, Path: "/metrics", Token: markScope}
	r := startRig(t, simulate.Options{}, on, func(c *config.Config) {
		*c = *loadConfig(t, provider.URL, c.Observability)
		withAdmin(c)
	})
	var shown bytes.Buffer
	for _, body := range []string{`{"model":"` + markToken + `"}`, `{}`} {
		res := r.open("/ai/"+markToken+"/v1/chat/completions?key="+markToken, body, "X-Request-Id: "+markToken, "User-Agent: "+markToken)
		r.StreamsText(&shown)
		hold <- struct{}{}
		io.Copy(io.Discard, res.Body)
		r.outcome()
	}
	r.post("/"+markToken, "")                                  // no such route
	r.post(chatPath, chatPlain, "Authorization: Bearer wrong") // refused
	provider.CloseClientConnections()
	provider.Close()
	r.post(chatPath, chatPlain, "X-Request-Id: "+markToken) // fails
	r.Log().Error("a message about "+markKey, "error", fmt.Errorf("no %s for %s", markAdmin, markScope))

	if err := r.MetricsText(&shown, false); err != nil {
		t.Fatal(err)
	}
	r.Close(patienceOfTests)
	for range 3 {
		collector.span(t, tracepb.Span_SPAN_KIND_SERVER)
	}
	collector.mu.Lock()
	defer collector.mu.Unlock()
	for what, text := range map[string]string{
		"the metrics and the table": shown.String(), "stdout": r.stdout.String(), "stderr": r.stderr.String(), "the traces": collector.text.String(),
	} {
		if !strings.Contains(text, masked) {
			t.Errorf("%s had nothing to mask: %s", what, text)
		}
		for _, mark := range []string{markToken, markKey, markAdmin, markScope} {
			if strings.Contains(text, mark) {
				t.Errorf("%s show %s: %s", what, mark, text)
			}
		}
	}
}
