package simulate

import (
	"strings"
	"testing"
)

type responseObject struct {
	Object, Status string
	Output         []struct {
		Type    string
		Content []struct{ Type, Text string }
	}
	Usage *struct {
		Input        int `json:"input_tokens"`
		Output       int `json:"output_tokens"`
		Total        int `json:"total_tokens"`
		InputDetails struct {
			Cached     int `json:"cached_tokens"`
			CacheWrite int `json:"cache_write_tokens"`
		} `json:"input_tokens_details"`
		OutputDetails struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"output_tokens_details"`
	}
}

func (r responseObject) check(t *testing.T) {
	t.Helper()
	if r.Object != "response" || r.Status != "completed" || r.Output[0].Type != "message" || r.Output[0].Content[0].Text != wantText {
		t.Errorf("%+v", r)
	}
	u := r.Usage
	got := Usage{u.Input, u.InputDetails.Cached, u.InputDetails.CacheWrite, u.Output - u.OutputDetails.Reasoning, u.OutputDetails.Reasoning}
	if got != wantUsage || u.Total != u.Input+u.Output {
		t.Errorf("usage %+v", u)
	}
}

func TestResponseHasOpenAIsShapeAndUsage(t *testing.T) {
	server := start(t, Options{})
	body := `{"model":"gpt-5","input":[{"role":"user","content":[{"type":"input_text","text":"` + prompt + `"}]}]}`
	read[responseObject](t, ask(t, server.URL()+"/v1/responses?sim_tokens=10", body)).check(t)
}

func TestResponseStreamIsTheResponsesLife(t *testing.T) {
	server := start(t, Options{})
	events := all(t, ask(t, server.URL()+"/v1/responses?sim_tokens=10", streams[1].body), nextSSE)
	got := data[struct {
		Type     string
		Sequence int `json:"sequence_number"`
		Delta    string
		Response *responseObject
	}](t, events)
	var text string
	for i, e := range got {
		if e.Sequence != i || !strings.HasPrefix(events[i], "event: "+e.Type+"\n") {
			t.Errorf("event %d: %q", i, events[i])
		}
		text += e.Delta
	}
	if got[0].Type != "response.created" || got[0].Response.Status != "in_progress" || got[0].Response.Usage != nil {
		t.Errorf("first %+v", got[0])
	}
	if text != wantText {
		t.Errorf("text %q", text)
	}
	last := got[len(got)-1]
	if last.Type != "response.completed" {
		t.Errorf("last %+v", last)
	}
	last.Response.check(t)
}
