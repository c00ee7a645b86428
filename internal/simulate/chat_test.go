package simulate

import (
	"encoding/json"
	"strings"
	"testing"
)

type chatUsage struct {
	Prompt        int `json:"prompt_tokens"`
	Completion    int `json:"completion_tokens"`
	Total         int `json:"total_tokens"`
	PromptDetails struct {
		Cached     int `json:"cached_tokens"`
		CacheWrite int `json:"cache_write_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func (u chatUsage) check(t *testing.T) {
	t.Helper()
	got := Usage{u.Prompt, u.PromptDetails.Cached, u.PromptDetails.CacheWrite, u.Completion - u.CompletionDetails.Reasoning, u.CompletionDetails.Reasoning}
	if got != wantUsage || u.Total != u.Prompt+u.Completion {
		t.Errorf("usage %+v", u)
	}
}

func TestChatCompletionHasOpenAIsShapeAndUsage(t *testing.T) {
	server := start(t, Options{})
	body := `{"model":"gpt-5","messages":[{"role":"user","content":[{"type":"text","text":"` + prompt + `"}]}]}`
	got := read[struct {
		ID, Object, Model string
		Choices           []struct {
			Message      struct{ Role, Content string }
			FinishReason string `json:"finish_reason"`
		}
		Usage chatUsage
	}](t, ask(t, server.URL()+"/v1/chat/completions", body, "X-Sim-Tokens", "10"))
	if got.Object != "chat.completion" || got.Model != "gpt-5" || !strings.HasPrefix(got.ID, "chatcmpl-") ||
		got.Choices[0].Message.Role != "assistant" || got.Choices[0].Message.Content != wantText || got.Choices[0].FinishReason != "stop" {
		t.Errorf("%+v", got)
	}
	got.Usage.check(t)
}

func TestChatUsageIsStreamedOnlyWhenAskedFor(t *testing.T) {
	type chunk struct {
		Object  string
		Choices []struct {
			Delta        struct{ Content string }
			FinishReason string `json:"finish_reason"`
		}
		Usage json.RawMessage
	}
	server := start(t, Options{})
	for _, asked := range []bool{false, true} {
		body := streams[0].body
		if asked {
			body = strings.Replace(body, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1)
		}
		events := all(t, ask(t, server.URL()+"/v1/chat/completions?sim_tokens=10", body), nextSSE)
		if events[len(events)-1] != "data: [DONE]\n\n" {
			t.Errorf("last event %q", events[len(events)-1])
		}
		chunks := data[chunk](t, events)
		if asked {
			last := chunks[len(chunks)-1]
			chunks = chunks[:len(chunks)-1]
			if len(last.Choices) != 0 {
				t.Errorf("choices beside the usage: %+v", last.Choices)
			}
			var usage chatUsage
			if err := json.Unmarshal(last.Usage, &usage); err != nil {
				t.Fatal(err)
			}
			usage.check(t)
		}
		var text string
		for _, c := range chunks {
			if c.Object != "chat.completion.chunk" {
				t.Errorf("object %q", c.Object)
			}
			if want := map[bool]string{true: "null", false: ""}[asked]; string(c.Usage) != want {
				t.Errorf("usage %q, want %q", c.Usage, want)
			}
			text += c.Choices[0].Delta.Content
		}
		if text != wantText {
			t.Errorf("text %q, want %q", text, wantText)
		}
		if finish := chunks[len(chunks)-1].Choices[0].FinishReason; finish != "stop" {
			t.Errorf("finish reason %q", finish)
		}
	}
}
