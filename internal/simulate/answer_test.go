package simulate

import (
	"encoding/json"
	"strings"
	"testing"
)

// All answers here are to prompt, in ten tokens.
var (
	wantText  = Answer(prompt, 10)
	wantUsage = Count(prompt, wantText)
)

func TestFiguresAddUp(t *testing.T) {
	if got, want := wantUsage, (Usage{Prompt: 9, CacheRead: 4, CacheWrite: 2, Answer: 10, Reasoning: 2}); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if wantUsage.Uncached() != 3 || wantUsage.Output() != 12 {
		t.Errorf("uncached %d, output %d", wantUsage.Uncached(), wantUsage.Output())
	}
	if !strings.HasPrefix(wantText, "You said: Why is the sky") {
		t.Errorf("the answer does not show what it is to: %q", wantText)
	}
}

func TestAnswerIsCutToWhatWasAskedFor(t *testing.T) {
	server := start(t, Options{})
	for path, c := range map[string]struct{ body, finish string }{
		"/v1/chat/completions": {`{"max_completion_tokens":3,"messages":[]}`, `"finish_reason":"length"`},
		"/v1/responses":        {`{"max_output_tokens":3,"input":""}`, `"status":"incomplete"`},
		"/v1/messages":         {`{"max_tokens":3,"messages":[]}`, `"stop_reason":"max_tokens"`},
		"/v1beta/models/gemini-3-pro:generateContent": {`{"generationConfig":{"maxOutputTokens":3},"contents":[]}`, `"finishReason":"MAX_TOKENS"`},
		"/api/chat": {`{"stream":false,"options":{"num_predict":3},"messages":[]}`, `"done_reason":"length"`},
	} {
		got := string(read[json.RawMessage](t, ask(t, server.URL()+path, c.body)))
		if !strings.Contains(got, c.finish) || !strings.Contains(got, `"`+Answer("", 3)+`"`) {
			t.Errorf("%s: %s", path, got)
		}
	}
}
