package simulate

import (
	"iter"
	"net/http"
)

// anthropic is what Anthropic's APIs have in common. Shapes follow
// github.com/anthropics/anthropic-sdk-go and docs.claude.com/en/api.
type anthropic struct{}

func (anthropic) key(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	return bearer(r)
}

func (anthropic) decorate(h http.Header, serial int64) {
	h.Set("Request-Id", anthropicRequestID(serial))
	h.Set("Anthropic-Organization-Id", "00000000-0000-4000-8000-000000000000")
	h.Set("Anthropic-Ratelimit-Requests-Limit", "4000")
	h.Set("Anthropic-Ratelimit-Requests-Remaining", "3999")
	h.Set("Anthropic-Ratelimit-Requests-Reset", "2030-01-01T00:00:00Z")
	h.Set("Anthropic-Ratelimit-Input-Tokens-Limit", "2000000")
	h.Set("Anthropic-Ratelimit-Input-Tokens-Remaining", "1999000")
	h.Set("Anthropic-Ratelimit-Input-Tokens-Reset", "2030-01-01T00:00:00Z")
}

func anthropicRequestID(serial int64) string { return id("req_", serial) }

func (anthropic) errorBody(r refusal, serial int64) object {
	o := anthropicError(anthropicErrorType(r.status), r.message)
	return append(o, member{"request_id", anthropicRequestID(serial)})
}

func anthropicError(kind, message string) object {
	return object{{"type", "error"}, {"error", object{{"type", kind}, {"message", message}}}}
}

// anthropicErrorType is the table of docs.claude.com/en/api/errors.
func anthropicErrorType(status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 402:
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 504:
		return "timeout_error"
	case 529:
		return "overloaded_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}

// messages is POST /v1/messages.
func messages(_ *http.Request, body []byte) (question, error) {
	var req struct {
		Model     string
		System    any
		Messages  any
		Stream    bool
		MaxTokens int `json:"max_tokens"`
	}
	if err := decode(body, &req); err != nil {
		return question{}, err
	}
	q := question{
		model:      req.Model,
		prompt:     textIn([]any{req.System, req.Messages}),
		last:       lastIn(req.Messages),
		limit:      req.MaxTokens,
		mediaType:  "text/event-stream; charset=utf-8",
		firstText:  3,
		errorEvent: sse("error", anthropicError("overloaded_error", "Overloaded")),
	}
	q.whole = func(a answer) object {
		content := list{object{{"type", "text"}, {"text", a.text}}}
		return message(q, a, content, messageStop(a), messageUsage(a.usage, a.usage.Output()))
	}
	if req.Stream {
		q.stream = func(a answer) iter.Seq[[]byte] { return messageStream(q, a) }
	}
	return q, nil
}

// countTokens is POST /v1/messages/count_tokens.
func countTokens(r *http.Request, body []byte) (question, error) {
	q, err := messages(r, body)
	q.stream = nil
	q.whole = func(a answer) object { return object{{"input_tokens", a.usage.Prompt}} }
	return q, err
}

func message(q question, a answer, content list, stop any, usage object) object {
	return object{
		{"model", q.model},
		{"id", id("msg_", a.serial)},
		{"type", "message"},
		{"role", "assistant"},
		{"content", content},
		{"stop_reason", stop},
		{"stop_sequence", nil},
		{"usage", usage},
	}
}

func messageStop(a answer) string {
	if a.cut {
		return "max_tokens"
	}
	return "end_turn"
}

// messageUsage has input_tokens without what the cache read and wrote, and an
// output that grows as the stream does.
func messageUsage(u Usage, output int) object {
	return object{
		{"input_tokens", u.Uncached()},
		{"cache_creation_input_tokens", u.CacheWrite},
		{"cache_read_input_tokens", u.CacheRead},
		{"cache_creation", object{{"ephemeral_5m_input_tokens", u.CacheWrite}, {"ephemeral_1h_input_tokens", 0}}},
		{"output_tokens", output},
		{"service_tier", "standard"},
	}
}

// messageStream reports usage twice: message_start has the input and one token
// of output, message_delta the final figures, which replace the first.
func messageStream(q question, a answer) iter.Seq[[]byte] {
	event := func(name string, rest ...member) []byte {
		return sse(name, append(object{{"type", name}}, rest...))
	}
	block := member{"index", 0}
	return func(yield func([]byte) bool) {
		on := yield(event("message_start", member{"message", message(q, a, list{}, nil, messageUsage(a.usage, 1))})) &&
			yield(event("content_block_start", block, member{"content_block", object{{"type", "text"}, {"text", ""}}})) &&
			yield(event("ping"))
		for i := 0; on && i < len(a.tokens); i++ {
			on = yield(event("content_block_delta", block, member{"delta", object{{"type", "text_delta"}, {"text", a.tokens[i]}}}))
		}
		_ = on &&
			yield(event("content_block_stop", block)) &&
			yield(event("message_delta",
				member{"delta", object{{"stop_reason", messageStop(a)}, {"stop_sequence", nil}}},
				member{"usage", object{
					{"input_tokens", a.usage.Uncached()},
					{"cache_creation_input_tokens", a.usage.CacheWrite},
					{"cache_read_input_tokens", a.usage.CacheRead},
					{"output_tokens", a.usage.Output()},
					{"output_tokens_details", object{{"thinking_tokens", a.usage.Reasoning}}},
				}})) &&
			yield(event("message_stop"))
	}
}
