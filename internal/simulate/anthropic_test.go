package simulate

import (
	"strings"
	"testing"
)

type anthropicUsage struct {
	Input      int `json:"input_tokens"`
	CacheWrite int `json:"cache_creation_input_tokens"`
	CacheRead  int `json:"cache_read_input_tokens"`
	Output     int `json:"output_tokens"`
}

func (u anthropicUsage) check(t *testing.T, output int) {
	t.Helper()
	if want := (anthropicUsage{wantUsage.Uncached(), wantUsage.CacheWrite, wantUsage.CacheRead, output}); u != want {
		t.Errorf("usage %+v, want %+v", u, want)
	}
}

func TestMessageHasAnthropicsShapeAndUsage(t *testing.T) {
	server := start(t, Options{})
	body := `{"model":"claude-opus-5","max_tokens":99,"messages":[{"role":"user","content":"` + prompt + `"}]}`
	got := read[struct {
		Type, Role, Model string
		Content           []struct{ Type, Text string }
		StopReason        string `json:"stop_reason"`
		Usage             anthropicUsage
	}](t, ask(t, server.URL()+"/v1/messages?sim_tokens=10&beta=true", body))
	if got.Type != "message" || got.Role != "assistant" || got.Model != "claude-opus-5" || got.Content[0].Text != wantText || got.StopReason != "end_turn" {
		t.Errorf("%+v", got)
	}
	got.Usage.check(t, wantUsage.Output())

	count := read[struct {
		Input int `json:"input_tokens"`
	}](t, ask(t, server.URL()+"/v1/messages/count_tokens", body))
	if count.Input != wantUsage.Prompt {
		t.Errorf("count_tokens %d, want %d", count.Input, wantUsage.Prompt)
	}
}

func TestMessageStreamReplacesItsFirstFigures(t *testing.T) {
	server := start(t, Options{})
	events := all(t, ask(t, server.URL()+"/v1/messages?sim_tokens=10", streams[2].body), nextSSE)
	got := data[struct {
		Type    string
		Message struct{ Usage anthropicUsage }
		Delta   struct {
			Text       string
			StopReason string `json:"stop_reason"`
		}
		Usage anthropicUsage
	}](t, events)
	var text string
	var kinds []string
	for i, e := range got {
		if !strings.HasPrefix(events[i], "event: "+e.Type+"\n") {
			t.Errorf("event %q", events[i])
		}
		if e.Type != "content_block_delta" {
			kinds = append(kinds, e.Type)
		}
		text += e.Delta.Text
	}
	if got, want := strings.Join(kinds, " "), "message_start content_block_start ping content_block_stop message_delta message_stop"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	if text != wantText {
		t.Errorf("text %q", text)
	}
	got[0].Message.Usage.check(t, 1)
	delta := got[len(got)-2]
	delta.Usage.check(t, wantUsage.Output())
	if delta.Delta.StopReason != "end_turn" {
		t.Errorf("stop reason %q", delta.Delta.StopReason)
	}
}
