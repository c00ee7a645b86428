package simulate

import (
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
)

// gemini is what Gemini's APIs have in common. Shapes follow
// google.golang.org/genai and ai.google.dev/api/generate-content.
type gemini struct{}

func (gemini) key(r *http.Request) string {
	if key := r.Header.Get("X-Goog-Api-Key"); key != "" {
		return key
	}
	if key := r.URL.Query().Get("key"); key != "" {
		return key
	}
	return bearer(r)
}

func (gemini) decorate(h http.Header, _ int64) {
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Server-Timing", "gfet4t7; dur=12")
	h.Add("Vary", "Origin")
	h.Add("Vary", "X-Origin")
	h.Add("Vary", "Referer")
}

// errorBody is a google.rpc.Status. How long to wait stands in its details, not
// in a header.
func (gemini) errorBody(r refusal, _ int64) object {
	o := object{{"code", r.status}, {"message", r.message}, {"status", geminiStatus(r.status)}}
	if wait := r.wait.wait; wait > 0 {
		o = append(o, member{"details", list{object{
			{"@type", "type.googleapis.com/google.rpc.RetryInfo"},
			{"retryDelay", strconv.FormatFloat(wait.Seconds(), 'f', -1, 64) + "s"},
		}}})
	}
	return object{{"error", o}}
}

// geminiStatus is the google.rpc.Code that goes with an HTTP status.
func geminiStatus(status int) string {
	switch status {
	case 401:
		return "UNAUTHENTICATED"
	case 403:
		return "PERMISSION_DENIED"
	case 404:
		return "NOT_FOUND"
	case 429:
		return "RESOURCE_EXHAUSTED"
	case 500:
		return "INTERNAL"
	case 504:
		return "DEADLINE_EXCEEDED"
	}
	if status > 500 {
		return "UNAVAILABLE"
	}
	return "INVALID_ARGUMENT"
}

// generateContent is POST /v1beta/models/M:generateContent and
// :streamGenerateContent.
func generateContent(r *http.Request, body []byte) (question, error) {
	var req struct {
		SystemInstruction any
		Contents          any
		GenerationConfig  struct{ MaxOutputTokens int }
	}
	if err := decode(body, &req); err != nil {
		return question{}, err
	}
	model, method, _ := strings.Cut(r.PathValue("call"), ":")
	q := question{
		model:  model,
		prompt: textIn([]any{req.SystemInstruction, req.Contents}),
		last:   lastIn(req.Contents),
		limit:  req.GenerationConfig.MaxOutputTokens,
	}
	q.whole = func(a answer) object { return geminiContent(q, a, a.text, a.usage.Answer, true) }
	broken := gemini{}.errorBody(refusal{status: 503, message: "The model is overloaded. Please try again later."}, 0)
	switch {
	case method == "generateContent":
	case method != "streamGenerateContent":
		return question{}, refusal{status: http.StatusNotFound, message: fmt.Sprintf("No method %q.", method)}
	case r.URL.Query().Get("alt") == "sse":
		q.mediaType = "text/event-stream"
		q.errorEvent = geminiSSE(broken)
		q.stream = func(a answer) iter.Seq[[]byte] { return geminiStream(q, a) }
	default:
		q.mediaType = "application/json; charset=UTF-8"
		q.errorEvent = broken.append([]byte(",\r\n")) // an array without an end
		q.stream = func(a answer) iter.Seq[[]byte] { return geminiArray(q, a) }
	}
	return q, nil
}

// geminiContent is a whole answer or a piece of one, with the usage so far. The
// count of candidates leaves out the thoughts, the total has all.
func geminiContent(q question, a answer, text string, soFar int, last bool) object {
	candidate := object{
		{"content", object{{"parts", list{object{{"text", text}}}}, {"role", "model"}}},
	}
	if last {
		candidate = append(candidate, member{"finishReason", geminiFinish(a)})
	}
	u := a.usage
	return object{
		{"candidates", list{append(candidate, member{"index", 0})}},
		{"usageMetadata", object{
			{"promptTokenCount", u.Prompt},
			{"candidatesTokenCount", soFar},
			{"totalTokenCount", u.Prompt + soFar + u.Reasoning},
			{"cachedContentTokenCount", u.CacheRead},
			{"promptTokensDetails", list{object{{"modality", "TEXT"}, {"tokenCount", u.Prompt}}}},
			{"thoughtsTokenCount", u.Reasoning},
		}},
		{"modelVersion", q.model},
		{"responseId", id("", a.serial)},
	}
}

func geminiFinish(a answer) string {
	if a.cut {
		return "MAX_TOKENS"
	}
	return "STOP"
}

// pieces are the answer's chunks: a token each; the last one also finishes.
func geminiPieces(q question, a answer) iter.Seq2[int, object] {
	return func(yield func(int, object) bool) {
		for i, token := range a.tokens {
			if !yield(i, geminiContent(q, a, token, i+1, i == len(a.tokens)-1)) {
				return
			}
		}
	}
}

// geminiStream is server-sent events with CRLF line ends and no mark at the end.
func geminiStream(q question, a answer) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, piece := range geminiPieces(q, a) {
			if !yield(geminiSSE(piece)) {
				return
			}
		}
	}
}

func geminiSSE(o object) []byte {
	return append(o.append([]byte("data: ")), "\r\n\r\n"...)
}

// geminiArray is one JSON array, an element and the comma before it at a time.
func geminiArray(q question, a answer) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		before := "["
		for _, piece := range geminiPieces(q, a) {
			if !yield(piece.append([]byte(before))) {
				return
			}
			before = ",\r\n"
		}
		yield([]byte("]\n"))
	}
}
