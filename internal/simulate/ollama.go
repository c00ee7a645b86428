package simulate

import (
	"iter"
	"net/http"
	"time"
)

// ollama is what Ollama's APIs have in common. Shapes follow docs/api.md of
// github.com/ollama/ollama. Ollama asks for no key of its own; behind a proxy
// that does, it is a bearer token.
type ollama struct{}

func (ollama) key(r *http.Request) string { return bearer(r) }

func (ollama) decorate(h http.Header, _ int64) {
	h.Set("Content-Type", "application/json; charset=utf-8")
}

func (ollama) errorBody(r refusal, _ int64) object { return object{{"error", r.message}} }

// ollamaChat is POST /api/chat, which streams unless it is told not to.
func ollamaChat(_ *http.Request, body []byte) (question, error) {
	var req struct {
		Model    string
		Messages any
		Stream   *bool
		Options  struct {
			NumPredict int `json:"num_predict"`
		}
	}
	if err := decode(body, &req); err != nil {
		return question{}, err
	}
	q := question{
		model:      req.Model,
		prompt:     textIn(req.Messages),
		last:       lastIn(req.Messages),
		limit:      req.Options.NumPredict,
		mediaType:  "application/x-ndjson",
		errorEvent: line(ollama{}.errorBody(refusal{message: "an error was encountered while running the model"}, 0)),
	}
	q.whole = func(a answer) object { return ollamaLast(q, a, a.text) }
	if req.Stream == nil || *req.Stream {
		q.stream = func(a answer) iter.Seq[[]byte] { return ollamaStream(q, a) }
	}
	return q, nil
}

func ollamaMessage(q question, a answer, text string, done bool) object {
	return object{
		{"model", q.model},
		{"created_at", a.at.UTC().Format(time.RFC3339Nano)},
		{"message", object{{"role", "assistant"}, {"content", text}}},
		{"done", done},
	}
}

// ollamaLast is the object that ends an answer and has its figures; times are in
// nanoseconds, at a made-up 100 tokens a second.
func ollamaLast(q question, a answer, text string) object {
	reason := "stop"
	if a.cut {
		reason = "length"
	}
	const each = int(10 * time.Millisecond)
	prompt, output := a.usage.Prompt, a.usage.Output()
	return append(ollamaMessage(q, a, text, true),
		member{"done_reason", reason},
		member{"total_duration", (1 + prompt + output) * each},
		member{"load_duration", each},
		member{"prompt_eval_count", prompt},
		member{"prompt_eval_duration", prompt * each},
		member{"eval_count", output},
		member{"eval_duration", output * each},
	)
}

func ollamaStream(q question, a answer) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		on := true
		for i := 0; on && i < len(a.tokens); i++ {
			on = yield(line(ollamaMessage(q, a, a.tokens[i], false)))
		}
		_ = on && yield(line(ollamaLast(q, a, "")))
	}
}

// line is an object on a line of its own.
func line(o object) []byte { return append(o.append(nil), '\n') }
