package simulate

import (
	"iter"
	"net/http"
)

// responses is POST /v1/responses.
func responses(_ *http.Request, body []byte) (question, error) {
	var req struct {
		Model           string
		Instructions    string
		Input           any
		Stream          bool
		MaxOutputTokens int `json:"max_output_tokens"`
	}
	if err := decode(body, &req); err != nil {
		return question{}, err
	}
	q := question{
		model:     req.Model,
		prompt:    textIn([]any{req.Instructions, req.Input}),
		last:      lastIn(req.Input),
		limit:     req.MaxOutputTokens,
		mediaType: "text/event-stream; charset=utf-8",
		firstText: 4,
		errorEvent: sse("error", object{
			{"type", "error"}, {"code", "server_error"},
			{"message", "The server had an error while processing your request."}, {"param", nil}, {"sequence_number", 0},
		}),
	}
	q.whole = func(a answer) object { return response(q, a, responseEnd(a)) }
	if req.Stream {
		q.stream = func(a answer) iter.Seq[[]byte] { return responseStream(q, a) }
	}
	return q, nil
}

// responseEnd is the status of an answer that has ended.
func responseEnd(a answer) string {
	if a.cut {
		return "incomplete"
	}
	return "completed"
}

// response is the response object in one of its states; until it has ended it
// has neither output nor usage.
func response(q question, a answer, status string) object {
	output, usage, details := list{}, any(nil), any(nil)
	if status != "in_progress" {
		output = list{responseMessage(a, status, list{responseText(a.text)})}
		usage = responseUsage(a.usage)
	}
	if status == "incomplete" {
		details = object{{"reason", "max_output_tokens"}}
	}
	return object{
		{"id", id("resp_", a.serial)},
		{"object", "response"},
		{"created_at", a.at.Unix()},
		{"status", status},
		{"background", false},
		{"error", nil},
		{"incomplete_details", details},
		{"instructions", nil},
		{"max_output_tokens", nil},
		{"model", q.model},
		{"output", output},
		{"parallel_tool_calls", true},
		{"previous_response_id", nil},
		{"reasoning", object{{"effort", nil}, {"summary", nil}}},
		{"service_tier", "default"},
		{"store", false},
		{"temperature", 1.0},
		{"text", object{{"format", object{{"type", "text"}}}}},
		{"tool_choice", "auto"},
		{"tools", list{}},
		{"top_p", 1.0},
		{"truncation", "disabled"},
		{"usage", usage},
		{"metadata", object{}},
	}
}

func responseMessage(a answer, status string, content list) object {
	return object{
		{"id", id("msg_", a.serial)},
		{"type", "message"},
		{"status", status},
		{"role", "assistant"},
		{"content", content},
	}
}

func responseText(text string) object {
	return object{{"type", "output_text"}, {"annotations", list{}}, {"logprobs", list{}}, {"text", text}}
}

func responseUsage(u Usage) object {
	return object{
		{"input_tokens", u.Prompt},
		{"input_tokens_details", object{{"cached_tokens", u.CacheRead}, {"cache_write_tokens", u.CacheWrite}}},
		{"output_tokens", u.Output()},
		{"output_tokens_details", object{{"reasoning_tokens", u.Reasoning}}},
		{"total_tokens", u.Prompt + u.Output()},
	}
}

// responseStream is the response's life as events; their numbers run from 0.
func responseStream(q question, a answer) iter.Seq[[]byte] {
	number := 0
	event := func(name string, rest ...member) []byte {
		o := append(object{{"type", name}, {"sequence_number", number}}, rest...)
		number++
		return sse(name, o)
	}
	item := member{"item_id", id("msg_", a.serial)}
	output, content := member{"output_index", 0}, member{"content_index", 0}
	end := responseEnd(a)
	return func(yield func([]byte) bool) {
		number = 0
		on := yield(event("response.created", member{"response", response(q, a, "in_progress")})) &&
			yield(event("response.in_progress", member{"response", response(q, a, "in_progress")})) &&
			yield(event("response.output_item.added", output, member{"item", responseMessage(a, "in_progress", list{})})) &&
			yield(event("response.content_part.added", item, output, content, member{"part", responseText("")}))
		for i := 0; on && i < len(a.tokens); i++ {
			on = yield(event("response.output_text.delta", item, output, content, member{"delta", a.tokens[i]}, member{"logprobs", list{}}))
		}
		_ = on &&
			yield(event("response.output_text.done", item, output, content, member{"text", a.text}, member{"logprobs", list{}})) &&
			yield(event("response.content_part.done", item, output, content, member{"part", responseText(a.text)})) &&
			yield(event("response.output_item.done", output, member{"item", responseMessage(a, end, list{responseText(a.text)})})) &&
			yield(event("response."+end, member{"response", response(q, a, end)}))
	}
}
