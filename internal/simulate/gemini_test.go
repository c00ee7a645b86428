package simulate

import (
	"strings"
	"testing"
)

type geminiAnswer struct {
	Candidates []struct {
		Content struct {
			Parts []struct{ Text string }
			Role  string
		}
		FinishReason string
	}
	UsageMetadata struct {
		PromptTokenCount, CandidatesTokenCount, ThoughtsTokenCount, CachedContentTokenCount, TotalTokenCount int
	}
	ModelVersion string
}

func checkGemini(t *testing.T, pieces []geminiAnswer) {
	t.Helper()
	var text string
	for i, p := range pieces {
		text += p.Candidates[0].Content.Parts[0].Text
		if finish, last := p.Candidates[0].FinishReason, i == len(pieces)-1; last != (finish == "STOP") {
			t.Errorf("piece %d of %d: finish reason %q", i+1, len(pieces), finish)
		}
	}
	if text != wantText {
		t.Errorf("text %q", text)
	}
	last := pieces[len(pieces)-1]
	u := last.UsageMetadata
	if u.PromptTokenCount != wantUsage.Prompt || u.CandidatesTokenCount != wantUsage.Answer || u.ThoughtsTokenCount != wantUsage.Reasoning ||
		u.CachedContentTokenCount != wantUsage.CacheRead || u.TotalTokenCount != wantUsage.Prompt+wantUsage.Output() {
		t.Errorf("usage %+v", u)
	}
	if last.ModelVersion != "gemini-3-pro" || last.Candidates[0].Content.Role != "model" {
		t.Errorf("%+v", last)
	}
}

func TestContentHasGeminisShapeAndUsage(t *testing.T) {
	server := start(t, Options{})
	url, body := server.URL()+"/v1beta/models/gemini-3-pro:", streams[3].body
	t.Run("plain", func(t *testing.T) {
		checkGemini(t, []geminiAnswer{read[geminiAnswer](t, ask(t, url+"generateContent?sim_tokens=10", body))})
	})
	t.Run("events", func(t *testing.T) {
		events := all(t, ask(t, url+"streamGenerateContent?alt=sse&sim_tokens=10", body), nextSSE)
		if !strings.HasSuffix(events[0], "\r\n\r\n") {
			t.Errorf("event %q has not Google's line ends", events[0])
		}
		checkGemini(t, data[geminiAnswer](t, events))
	})
	t.Run("array", func(t *testing.T) {
		checkGemini(t, read[[]geminiAnswer](t, ask(t, url+"streamGenerateContent?sim_tokens=10", body)))
	})
}
