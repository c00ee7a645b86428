package usage

import (
	"bytes"
	"testing"
)

// Wherever a stream ends cleanly before its format's end, it is truncated; from
// there on it is not. The figures of what was seen stay.
func TestStreamsCutShortAreTruncatedUpToTheirEnd(t *testing.T) {
	ends := map[string]string{ // what completes the answer
		"openai-chat-stream":          `"finish_reason":"stop"}`,
		"openai-chat-stream-no-usage": `"finish_reason":"stop"}`,
		"openai-completions-stream":   `"finish_reason":"length"}`,
		"openai-responses-stream":     "data: {\"type\":\"response.completed\"",
		"openai-responses-failed":     "data: {\"type\":\"response.failed\"",
		"anthropic-stream":            `"stop_reason":"end_turn"`,
		"anthropic-overloaded":        `"overloaded_error"`,
		"gemini-stream-sse":           `"finishReason":"STOP"`,
		"gemini-stream-array":         `"finishReason":"STOP"`,
		"gemini-error-in-array":       `"error":`,
		"gemini-blocked":              `"blockReason"`,
		"cohere-v1-stream":            `"event_type":"stream-end"`,
		"cohere-v2-stream":            `"type":"message-end"`,
		"mistral-stream":              `"finish_reason":"stop"`,
		"deepseek-stream":             `"finish_reason":"stop"`,
		"moonshot-stream":             `"finish_reason":"stop"`,
		"groq-stream":                 `"finish_reason":"stop"`,
		"vllm-continuous-stream":      `"finish_reason":"length"`,
		"ollama-chat-stream":          `"done":true`,
		"ollama-error":                `"error":`,
		"openai-chat":                 `"system_fingerprint"`,
		"openai-responses":            `"metadata"`,
		"gemini":                      `"responseId"`,
		"anthropic":                   `"output_tokens":503`,
	}
	for _, r := range recordedAnswers(t) {
		mark, ok := ends[r.name]
		if !ok {
			continue
		}
		delete(ends, r.name)
		t.Run(r.name, func(t *testing.T) {
			// The object in which the mark stands has to be complete.
			marked := bytes.Index(r.body, []byte(mark))
			end := marked + bytes.IndexByte(append(bytes.Clone(r.body[marked:]), '\n'), '\n')
			for end > 0 && r.body[end-1] != '}' {
				end--
			}
			if r.name == "openai-chat" {
				end = len(r.body) - 1 // spread over lines
			}
			for i := range len(r.body) + 1 {
				got := scanned(r.head, true, r.body[:i])
				want := i < end && (i > 0 || formatOf(r.head) != plainJSON) // no JSON at all is not half of one
				if got.Truncated != want {
					t.Fatalf("cut at %d of %d (the end is at %d): truncated %v", i, len(r.body), end, got.Truncated)
				}
				if scanned(r.head, false, r.body[:i]).Truncated {
					t.Fatalf("cut at %d: truncated, though it did not end cleanly", i)
				}
			}
		})
	}
	for name := range ends {
		t.Errorf("no recorded answer %s", name)
	}
}

func TestAnswersWithoutAPrescribedEndAreComplete(t *testing.T) {
	for name, c := range map[string]struct {
		head Response
		body string
		want bool
	}{
		"unknown events":            {sseHead, "data: {\"hello\":1}\n\n", false},
		"unknown lines":             {lineHead, "{\"hello\":1}\n{\"hello\":2}\n", false},
		"text":                      {Response{Status: 200, ContentType: "text/plain"}, "hello", false},
		"no success":                {Response{Status: 500, ContentType: "text/event-stream", Path: "/v1/messages"}, "", false},
		"JSON that is none":         {jsonHead, "hello", false},
		"nothing, unknown":          {sseHead, "", false},
		"transcription":             {sseHead, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"I\"}\n\n", false},
		"one JSON, unfinished":      {jsonHead, `{"choices":[{"finish_reason":null}]}`, false},
		"closed array, no reason":   {jsonHead, `[{"candidates":[]}]`, true},
		"comments, then nothing":    {Response{Status: 200, ContentType: "text/event-stream", Path: "/deepseek/chat/completions"}, ": keep-alive\n\n", true},
		"Ollama under another name": {jsonHead, "{\"done\":false}\n{\"done\":false}\n", true},
		"within an unknown event":   {sseHead, "data: {\"hello\":1}\n\ndata: {\"hel", true},
		"within a line":             {lineHead, "{\"hello\":1}\n{\"hel", true},
	} {
		if got := answers(t, c.head, c.body); got.Truncated != c.want {
			t.Errorf("%s: truncated %v", name, got.Truncated)
		}
	}
}

func TestCutStreamRecordsWhatWasSeen(t *testing.T) {
	for _, r := range recordedAnswers(t) {
		switch r.name {
		case "anthropic-stream":
			got := scanned(r.head, false, r.body[:bytes.Index(r.body, []byte("event: message_delta"))])
			if u := got.Usage; u.InputUncached != Known(25) || u.CacheRead != Known(1000) || u.Output != Known(1) || u.Total != Known(1326) || got.Model == "" {
				t.Errorf("%s: %s", r.name, show(got))
			}
		case "openai-chat-stream":
			got := scanned(r.head, false, r.body[:bytes.Index(r.body, []byte(`"prompt_tokens":1117`))])
			if got.Usage.InputUncached.known || got.Usage.Total.known || got.Usage.Raw != nil {
				t.Errorf("%s: %s", r.name, show(got))
			}
		case "openai-responses": // broken off after usage
			got := scanned(r.head, false, r.body[:bytes.Index(r.body, []byte(`"metadata"`))])
			if got.Usage.Total != Known(380) || got.Model != "gpt-5.2" {
				t.Errorf("%s: %s", r.name, show(got))
			}
		}
	}
	// A number that may go on has not been seen.
	got := scanned(jsonHead, false, []byte(`{"usage":{"prompt_tokens":12,"completion_tokens":34`))
	if got.Usage.InputUncached != Known(12) || got.Usage.Output.known {
		t.Errorf("got %s", show(got))
	}
}
