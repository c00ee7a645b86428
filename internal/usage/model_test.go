package usage

import (
	"strings"
	"testing"
)

func TestModelIsReadFromTheRequest(t *testing.T) {
	json := func(path string) Request { return Request{Path: path, ContentType: "application/json; charset=utf-8"} }
	form := Request{ContentType: `multipart/form-data; boundary="xx"`}
	part := func(name, value string) string {
		return "--xx\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	for name, c := range map[string]struct {
		head        Request
		body, model string
	}{
		"first":              {json("/v1/messages"), `{"model":"claude-opus-4-5","messages":[]}`, "claude-opus-4-5"},
		"later":              {json(""), ` { "messages" : [{"model":"no","content":"\"model\":\"no\""}], "model" : "gpt-5.2" }`, "gpt-5.2"},
		"escaped":            {json(""), `{"model":"openai\/gpt-4\u006f"}`, "openai/gpt-4o"},
		"one letter":         {json(""), `{"model":"m"`, "m"},
		"twice, the first":   {json(""), `{"model":"yes","messages":[],"model":"no"}`, "yes"},
		"twice, too long":    {json(""), `{"model":"` + strings.Repeat("m", 300) + `","messages":[],"model":"no"}`, ModelTooLong},
		"none":               {json(""), `{"messages":[]}`, ""},
		"nested":             {json(""), `{"x":{"model":"no"},"y":[{"model":"no"}]}`, ""},
		"no text":            {json(""), `{"model":{"model":"no"}}`, ""},
		"a list":             {json(""), `[{"model":"no"}]`, ""},
		"too long":           {json(""), `{"model":"` + strings.Repeat("m", 300) + `"}`, ModelTooLong},
		"too long in a path": {json("/v1beta/models/" + strings.Repeat("m", 300) + ":generateContent"), ``, ModelTooLong},
		"too long in a form": {form, part("model", strings.Repeat("m", 300)) + part("file", "RIFF"), ModelTooLong},
		"within 64 KiB":      {json(""), `{"input":"` + strings.Repeat("x", 65000) + `","model":"m"}`, "m"},
		"beyond 64 KiB":      {json(""), `{"input":"` + strings.Repeat("x", 65536) + `","model":"m"}`, ""},
		"compressed":         {Request{ContentType: "application/json", ContentEncoding: "zstd"}, `{"model":"m"}`, ""},
		"no JSON":            {Request{ContentType: "audio/mpeg"}, `{"model":"m"}`, ""},
		"untyped":            {Request{}, `{"model":"m"}`, "m"},
		"as curl types it":   {Request{ContentType: "application/x-www-form-urlencoded"}, `{"model":"llama3.2","prompt":"a=b&c"}`, "llama3.2"},
		"as fetch types it":  {Request{ContentType: "text/plain;charset=UTF-8"}, `{"model":"llama3.2","prompt":"a"}`, "llama3.2"},
		"plain text":         {Request{ContentType: "text/plain"}, `model {"model":"no"}`, ""},
		"real form":          {Request{ContentType: "application/x-www-form-urlencoded"}, `model=no&x={"model":"no"}`, ""},
		"form":               {form, part("language", "en") + part("model", "whisper-1") + part("file", "RIFF"), "whisper-1"},
		"form, file first":   {form, part("file", strings.Repeat("x", 70000)) + part("model", "whisper-1") + "--xx--", ""},
		"form, cut in field": {form, part("language", "en") + "--xx\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhis", ""},
		"no boundary":        {Request{ContentType: "multipart/form-data"}, part("model", "whisper-1"), ""},
		"Gemini":             {json("/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent"), `{"model":"no"}`, "gemini-2.5-pro"},
		"Vertex AI":          {json("/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4-5@20251101:streamRawPredict"), ``, "claude-opus-4-5@20251101"},
		"tuned":              {json("/v1beta/tunedModels/mine:generateContent"), ``, "mine"},
		"Bedrock":            {json("/model/anthropic.claude-3%3A0/converse-stream"), ``, "anthropic.claude-3:0"},
		"models, no method":  {json("/v1/models/gpt-4o"), ``, ""},
		"a method, no model": {json("/v1/files:upload"), ``, ""},
	} {
		t.Run(name, func(t *testing.T) {
			whole := NewModelReader(c.head)
			whole.Write([]byte(c.body))
			if got := whole.Model(); got != c.model {
				t.Errorf("got %q, want %q", got, c.model)
			}
			split := NewModelReader(c.head)
			for rest := c.body; len(rest) > 0; {
				n := min(7, len(rest))
				split.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			if got := split.Model(); got != c.model {
				t.Errorf("in pieces: got %q, want %q", got, c.model)
			}
		})
	}
}

func TestModelIsKnownAsSoonAsItHasPassed(t *testing.T) {
	m := NewModelReader(Request{ContentType: "application/json"})
	m.Write([]byte(`{"model":"gpt`))
	if m.Model() != "" {
		t.Error("half a name was taken for the name")
	}
	m.Write([]byte(`-5","messages":`))
	if m.Model() != "gpt-5" {
		t.Errorf("got %q", m.Model())
	}
	m.Reset(Request{ContentType: "multipart/form-data; boundary=b"})
	if m.Model() != "" {
		t.Error("the last request's model stayed")
	}
	m.Write([]byte("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhis"))
	if m.Model() != "" {
		t.Error("half a field was taken for the field")
	}
	m.Write([]byte("per-1\r\n--b\r\n"))
	if m.Model() != "whisper-1" {
		t.Errorf("got %q", m.Model())
	}
}

func FuzzModelReader(f *testing.F) {
	f.Add("application/json", "/v1/x", []byte(`{"input":[1,{"a":"b"}],"model":"m\/n"}`), uint8(3))
	f.Add("multipart/form-data; boundary=b", "/", []byte("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--"), uint8(5))
	f.Add("", "/models/a%20b:c", []byte{}, uint8(1))
	f.Fuzz(func(t *testing.T, contentType, path string, body []byte, size uint8) {
		head := Request{ContentType: contentType, Path: path}
		whole, split := NewModelReader(head), NewModelReader(head)
		whole.Write(body)
		for rest := body; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			split.Write(rest[:n])
			rest = rest[n:]
		}
		if whole.Model() != split.Model() || len(whole.Model()) > 4*tokenMax {
			t.Fatalf("whole %q, in pieces %q", whole.Model(), split.Model())
		}
	})
}
