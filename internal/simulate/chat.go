package simulate

import (
	"iter"
	"net/http"
)

// chatCompletions is POST /v1/chat/completions.
func chatCompletions(_ *http.Request, body []byte) (question, error) {
	var req struct {
		Model         string
		Messages      any
		Stream        bool
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
		MaxTokens           int `json:"max_tokens"`
		MaxCompletionTokens int `json:"max_completion_tokens"`
	}
	if err := decode(body, &req); err != nil {
		return question{}, err
	}
	q := question{
		model:      req.Model,
		prompt:     textIn(req.Messages),
		last:       lastIn(req.Messages),
		limit:      max(req.MaxTokens, req.MaxCompletionTokens),
		mediaType:  "text/event-stream; charset=utf-8",
		firstText:  1,
		errorEvent: sse("", openAI{}.errorBody(refusal{status: 500, message: "The server had an error while processing your request."}, 0)),
	}
	q.whole = func(a answer) object { return chatCompletion(q, a) }
	if req.Stream {
		q.stream = func(a answer) iter.Seq[[]byte] { return chatStream(q, a, req.StreamOptions.IncludeUsage) }
	}
	return q, nil
}

func chatCompletion(q question, a answer) object {
	return object{
		{"id", id("chatcmpl-", a.serial)},
		{"object", "chat.completion"},
		{"created", a.at.Unix()},
		{"model", q.model},
		{"choices", list{object{
			{"index", 0},
			{"message", object{
				{"role", "assistant"}, {"content", a.text}, {"refusal", nil}, {"annotations", list{}},
			}},
			{"logprobs", nil},
			{"finish_reason", chatFinish(a)},
		}}},
		{"usage", openAIUsage(a.usage)},
		{"service_tier", "default"},
		{"system_fingerprint", "fp_simulated"},
	}
}

// chatStream is a chunk with the role, one a token, one with the finish reason,
// and [DONE]. With includeUsage there is one more before [DONE] with the usage
// and no choice, and every other has "usage": null.
func chatStream(q question, a answer, includeUsage bool) iter.Seq[[]byte] {
	chunk := func(choices list, usage any) []byte {
		o := object{
			{"id", id("chatcmpl-", a.serial)},
			{"object", "chat.completion.chunk"},
			{"created", a.at.Unix()},
			{"model", q.model},
			{"service_tier", "default"},
			{"system_fingerprint", "fp_simulated"},
			{"choices", choices},
		}
		if includeUsage {
			o = append(o, member{"usage", usage})
		}
		return sse("", o)
	}
	choice := func(delta object, finish any) []byte {
		return chunk(list{object{{"index", 0}, {"delta", delta}, {"logprobs", nil}, {"finish_reason", finish}}}, nil)
	}
	return func(yield func([]byte) bool) {
		on := yield(choice(object{{"role", "assistant"}, {"content", ""}, {"refusal", nil}}, nil))
		for i := 0; on && i < len(a.tokens); i++ {
			on = yield(choice(object{{"content", a.tokens[i]}}, nil))
		}
		on = on && yield(choice(object{}, chatFinish(a)))
		if includeUsage {
			on = on && yield(chunk(list{}, openAIUsage(a.usage)))
		}
		_ = on && yield([]byte("data: [DONE]\n\n"))
	}
}

func chatFinish(a answer) string {
	if a.cut {
		return "length"
	}
	return "stop"
}
