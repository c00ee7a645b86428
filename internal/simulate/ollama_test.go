package simulate

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestChatHasOllamasShapeAndUsage(t *testing.T) {
	type object struct {
		Message       struct{ Role, Content string }
		Done          bool
		Prompt        int `json:"prompt_eval_count"`
		Eval          int `json:"eval_count"`
		TotalDuration int `json:"total_duration"`
	}
	server := start(t, Options{})
	body := streams[5].body
	var lines []object
	res := ask(t, server.URL()+"/api/chat?sim_tokens=10", body)
	if got := res.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("Content-Type %q", got)
	}
	for _, line := range all(t, res, nextLine) {
		var o object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, o)
	}
	plain := read[object](t, ask(t, server.URL()+"/api/chat?sim_tokens=10", strings.Replace(body, "{", `{"stream":false,`, 1)))
	var text string
	for _, o := range lines {
		text += o.Message.Content
	}
	last := lines[len(lines)-1]
	if text != wantText || plain.Message.Content != wantText {
		t.Errorf("text %q and %q", text, plain.Message.Content)
	}
	for _, o := range []object{last, plain} {
		if !o.Done || o.Prompt != wantUsage.Prompt || o.Eval != wantUsage.Output() || o.TotalDuration == 0 {
			t.Errorf("%+v", o)
		}
	}
	if lines[0].Done || lines[0].Eval != 0 {
		t.Errorf("figures before the end: %+v", lines[0])
	}
}
