package observe

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/simulate"
)

const messagesSSE = `{"model":"claude-5","stream":true,"max_tokens":99,"messages":[{"role":"user","content":"one two three"}]}`

func TestAClientThatLeavesHasSpentWhatWasSeen(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			gate := make(chan struct{})
			r := startRig(t, simulate.Options{Gate: gate}, withMetrics())
			transport := &http.Transport{Protocols: new(http.Protocols)}
			defer transport.CloseIdleConnections()
			transport.Protocols.SetHTTP1(protocol == "HTTP/1.1")
			transport.Protocols.SetUnencryptedHTTP2(protocol == "HTTP/2.0")
			ctx, leave := context.WithTimeout(t.Context(), patienceOfTests)
			defer leave()
			req, err := http.NewRequestWithContext(ctx, "POST", r.url+"/ai/v1/messages", strings.NewReader(messagesSSE))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+markToken)
			req.Header.Set("Content-Type", "application/json")
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.Proto != protocol {
				t.Fatalf("the protocol is %s", res.Proto)
			}
			gate <- struct{}{} // message_start, which says what the input was
			if _, err := io.ReadFull(res.Body, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			leave()
			r.outcome()
			line := r.accessLines(t)[0]
			spent, _ := line["usage"].(map[string]any)
			if in, known := spent["input_uncached"].(float64); line["end"] != "client_gone" || !known || in == 0 {
				t.Errorf("the line is %v", line)
			}
			metrics := r.scrape(t)
			if metrics[`gateway_tokens_total{kind="input_uncached",model="claude-5",route="ai"}`] == "" {
				t.Error("its tokens are not counted")
			}
			expect(t, metrics, map[string]string{
				`gateway_streams_total{end="client_gone",route="ai"}`: "1",
				`gateway_streams_inflight{route="ai"}`:                "0",
				`gateway_inflight_requests{route="ai"}`:               "0",
			})
		})
	}
}

// A refusal that was not the last word is no part of the answer.
func TestAnAttemptThatWasRefusedHasSpentNothing(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(503)
		io.WriteString(w, `{"model":"m","usage":{"prompt_tokens":777,"completion_tokens":777,"total_tokens":1554}}`)
	}))
	defer refusing.Close()
	r := startRig(t, simulate.Options{}, withMetrics(), func(c *config.Config) {
		first := loadConfig(t, refusing.URL, nil).Routes[0].Upstreams[0]
		first.ID, c.Routes[0].Upstreams[0].ID, c.Routes[0].Upstreams[0].Priority = "first", "second", 1
		c.Routes[0].Upstreams = append(c.Routes[0].Upstreams, first)
		c.Routes[0].Retry.MaxAttempts = 2
	})
	_, answer := r.post(chatPath, chatPlain)
	var told struct {
		Usage struct{ Total_tokens float64 }
	}
	if err := json.Unmarshal([]byte(answer), &told); err != nil || told.Usage.Total_tokens == 0 {
		t.Fatalf("the answer is %s", answer)
	}
	line := r.accessLines(t)[0]
	spent, _ := line["usage"].(map[string]any)
	if line["attempts"] != 2. || line["upstream"] != "second" || spent["total"] != told.Usage.Total_tokens {
		t.Errorf("the line is %v, the client was told of %v tokens", line, told.Usage.Total_tokens)
	}
	expect(t, r.scrape(t), map[string]string{
		`gateway_upstream_attempts_total{key="",result="status_503",route="ai",upstream="first"}`: "1",
		`gateway_upstream_attempts_total{key="",result="ok",route="ai",upstream="second"}`:        "1",
		`gateway_requests_total{code="",method="POST",route="ai",status="200"}`:                   "1",
		`gateway_tokens_total{kind="output",model="m",route="ai"}`:                                "",
	})
}
