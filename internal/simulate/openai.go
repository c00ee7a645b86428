package simulate

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// openAI is what OpenAI's APIs have in common. Shapes follow
// github.com/openai/openai-go/v3 and platform.openai.com/docs/api-reference.
type openAI struct{}

func (openAI) key(r *http.Request) string { return bearer(r) }

// bearer is the token of an Authorization header, "" if there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func (openAI) decorate(h http.Header, serial int64) {
	h.Set("X-Request-Id", id("req_", serial))
	h.Set("Openai-Organization", "org-simulated")
	h.Set("Openai-Processing-Ms", "12")
	h.Set("Openai-Version", "2020-10-01")
	h.Set("X-Ratelimit-Limit-Requests", "10000")
	h.Set("X-Ratelimit-Remaining-Requests", "9999")
	h.Set("X-Ratelimit-Reset-Requests", "6ms")
	h.Set("X-Ratelimit-Limit-Tokens", "2000000")
	h.Set("X-Ratelimit-Remaining-Tokens", "1999000")
	h.Set("X-Ratelimit-Reset-Tokens", "30ms")
}

func (openAI) errorBody(r refusal, _ int64) object {
	kind, code := "invalid_request_error", any(nil)
	switch {
	case r.status == http.StatusUnauthorized:
		code = "invalid_api_key"
	case r.status == http.StatusTooManyRequests:
		kind, code = "requests", "rate_limit_exceeded"
	case r.status >= 500:
		kind = "server_error"
	}
	return object{{"error", object{
		{"message", r.message},
		{"type", kind},
		{"param", nil},
		{"code", code},
	}}}
}

// decode reads a request's JSON. What it does not know it skips: a simulated
// provider takes more than a real one.
func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return refusal{status: http.StatusBadRequest, message: "We could not parse the JSON body of your request: " + err.Error()}
	}
	return nil
}

// models is GET /v1/models.
func models(*http.Request, []byte) (question, error) {
	var data list
	for i, id := range []string{"gpt-5", "gpt-5-mini", "text-embedding-3-small"} {
		data = append(data, object{{"id", id}, {"object", "model"}, {"created", 1754500000 + i}, {"owned_by", "simulated"}})
	}
	return question{whole: func(answer) object {
		return object{{"object", "list"}, {"data", data}}
	}}, nil
}

// openAIUsage is the usage object of chat completions; responses has its own
// names for the same figures.
func openAIUsage(u Usage) object {
	return object{
		{"prompt_tokens", u.Prompt},
		{"completion_tokens", u.Output()},
		{"total_tokens", u.Prompt + u.Output()},
		{"prompt_tokens_details", object{
			{"cached_tokens", u.CacheRead}, {"audio_tokens", 0}, {"cache_write_tokens", u.CacheWrite},
		}},
		{"completion_tokens_details", object{
			{"reasoning_tokens", u.Reasoning}, {"audio_tokens", 0},
			{"accepted_prediction_tokens", 0}, {"rejected_prediction_tokens", 0},
		}},
	}
}

// id is an identifier as providers make them, with a number that tells answers
// apart.
func id(prefix string, serial int64) string {
	digits := strconv.FormatInt(serial, 36)
	return prefix + strings.Repeat("0", max(0, 24-len(digits))) + digits
}
