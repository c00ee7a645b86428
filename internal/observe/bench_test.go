package observe

import (
	"io"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

const (
	sseEvent   = `data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","created":1766000000,"model":"gpt-5.2-2025-12-11","choices":[{"index":0,"delta":{"content":" example"},"finish_reason":null}],"usage":null}` + "\n\n"
	jsonAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":1766000000,"model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"one two three"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":8}}}`
)

// observing are the configurations that are compared.
func observing(b testing.TB) map[string]*config.Observability {
	metrics, filed := withMetrics(), withMetrics()
	metrics.Logging.AccessLog = false
	filed.Logging.ToStdout = false
	filed.Logging.File = config.LogFile{Enabled: true, Dir: b.TempDir(), Prefix: "log", Rotation: "daily", MaxFiles: 2}
	return map[string]*config.Observability{"off": nil, "log": asked(), "metrics": metrics, "both": withMetrics(), "both-to-file": filed}
}

func quietObservatory(b testing.TB, on *config.Observability) *Observatory {
	c := loadConfig(b, "http://127.0.0.1:1", on)
	c.Admin.Enabled = on != nil
	o, err := New(Options{Config: c, Stdout: io.Discard, Stderr: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { o.Close(time.Second) })
	return o
}

func TestReadingAlongNeedsNoMemory(t *testing.T) {
	o := quietObservatory(t, withMetrics())
	w := o.Begin(beginning("POST", chatPath, "application/json"))
	defer w.End(&gateway.Outcome{})
	w.ResponseHead(answerHead(200, "text/event-stream"))
	event := []byte(sseEvent)
	w.ResponseBytes(event) // the model is known from here on
	if n := testing.AllocsPerRun(1000, func() { w.ResponseBytes(event) }); n != 0 {
		t.Errorf("an event allocates %v times", n)
	}
}

// jsonExchange is all that is seen of a chat completion without streaming.
func jsonExchange(o *Observatory) func() {
	begin, head := beginning("POST", chatPath, "application/json"), answerHead(200, "application/json")
	sent, answer := []byte(chatPlain), []byte(jsonAnswer)
	out := &gateway.Outcome{Client: "127.0.0.1", Route: "ai", Upstream: "official", Token: "0a1b2c3d", Method: "POST", Status: 200,
		End: gateway.Complete, Attempts: []gateway.Attempt{{Upstream: "official", Result: "ok"}}}
	return func() {
		begin.Start = time.Now()
		out.Start = begin.Start
		w := o.Begin(begin)
		w.Attempt("official", "")
		w.RequestBytes(sent)
		w.ResponseHead(head)
		w.ResponseBytes(answer)
		w.End(out)
	}
}

func BenchmarkJSONExchange(b *testing.B) {
	for name, on := range observing(b) {
		b.Run(name, func(b *testing.B) {
			exchange := jsonExchange(quietObservatory(b, on))
			b.ReportAllocs()
			for b.Loop() {
				exchange()
			}
		})
	}
}

func BenchmarkEvent(b *testing.B) {
	for name, on := range observing(b) {
		b.Run(name, func(b *testing.B) {
			w := quietObservatory(b, on).Begin(beginning("POST", chatPath, "application/json"))
			w.ResponseHead(answerHead(200, "text/event-stream"))
			event := []byte(sseEvent)
			b.ReportAllocs()
			for b.Loop() {
				w.ResponseBytes(event)
			}
			w.End(&gateway.Outcome{})
		})
	}
}
