package observe

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/simulate"
	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

// fields are those of a line, in their order.
var fields = []string{"time", "request_id", "client", "route", "token", "method", "path", "status", "code", "upstream", "key", "attempts",
	"bytes_in", "bytes_out", "ttfb_ms", "duration_ms", "end", "model", "usage"}

// keysOf are the keys of a JSON object, in their order.
func keysOf(t *testing.T, object string) (keys []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	d.Token()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatalf("%v in %s", err, object)
		}
		keys = append(keys, key.(string))
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%v in %s", err, object)
		}
	}
	return keys
}

func sampleRecord() *record {
	return &record{
		Outcome: &gateway.Outcome{
			Client: "::1", Route: "ai", Upstream: "official", Key: "main", Token: "0a1b2c3d", Status: 200,
			Attempts: make([]gateway.Attempt, 2),
			Start:    time.Date(2026, 11, 23, 10, 0, 0, 0, time.Local), FirstByte: 1500 * time.Microsecond, Duration: 2 * time.Second,
			BytesIn: 10, BytesOut: 2000,
		},
		requestID: "r-1", method: "POST", path: "/ai/v1/chat", end: gateway.Complete, model: "gpt-5", counted: true,
		usage: usage.Usage{InputUncached: usage.Known(7), Output: usage.Known(5), Total: usage.Known(12),
			Raw: json.RawMessage("{\n \"prompt_tokens\": 7,\r\n\t\"note\": \"a \\\"b\\\\\",\"completion_tokens\":5}")},
	}
}

func TestAnAccessLineHasExactlyItsFields(t *testing.T) {
	line := string(appendJSONLine(nil, sampleRecord(), new(stamp)))
	if got := keysOf(t, line); !reflect.DeepEqual(got, fields) {
		t.Errorf("the fields are %q", got)
	}
	now := time.Date(2026, 11, 23, 10, 0, 2, 0, time.Local).Format("2006-01-02T15:04:05.000Z07:00")
	want := `{"time":"` + now + `","request_id":"r-1","client":"::1","route":"ai","token":"0a1b2c3d","method":"POST","path":"/ai/v1/chat",` +
		`"status":200,"code":"","upstream":"official","key":"main","attempts":2,"bytes_in":10,"bytes_out":2000,"ttfb_ms":1.5,"duration_ms":2000,` +
		`"end":"complete","model":"gpt-5","usage":{"input_uncached":7,"cache_read":null,"cache_write":null,"output":5,"reasoning":null,"total":12,` +
		`"raw":{"prompt_tokens":7,"note":"a \"b\\","completion_tokens":5}}}` + "\n"
	if line != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
	want = "time=" + now + ` request_id=r-1 client=::1 route=ai token=0a1b2c3d method=POST path=/ai/v1/chat` +
		` status=200 code="" upstream=official key=main attempts=2 bytes_in=10 bytes_out=2000 ttfb_ms=1.5 duration_ms=2000` +
		` end=complete model=gpt-5 usage.input_uncached=7 usage.output=5 usage.total=12` + "\n"
	if line := string(appendTextLine(nil, sampleRecord(), new(stamp))); line != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
}

func TestWhatIsUnknownIsNull(t *testing.T) {
	r := sampleRecord()
	r.Status, r.counted, r.usage = 0, false, usage.Usage{}
	line := string(appendJSONLine(nil, r, new(stamp)))
	if !strings.Contains(line, `"usage":null`) || !strings.Contains(line, `"ttfb_ms":null`) {
		t.Errorf("%s", line)
	}
	line = string(appendTextLine(nil, r, new(stamp)))
	if !strings.Contains(line, " usage=null") || !strings.Contains(line, " ttfb_ms=null ") {
		t.Errorf("%s", line)
	}
}

func FuzzALineIsOneLineAndReadsBack(f *testing.F) {
	for _, s := range []string{"", "plain", "a\nb", "\x1b[2J", "\u2028\u2029\u0085", "\u202egnp", "\xff\xfe", `"\`, "=", "é世"} {
		f.Add(s, `{"a": [1, "`+"\u009b"+`"]}`)
	}
	f.Add("", "{\"\\u0000\": \"\\\\\"}")
	f.Fuzz(func(t *testing.T, s, raw string) {
		r := sampleRecord()
		r.path, r.model, r.requestID, r.method = s, s, s, s
		r.usage.Raw = nil
		var want any
		if json.Unmarshal([]byte(raw), &want) == nil && len(raw) < 5000 { // usage gives none that a reader refuses
			r.usage.Raw = json.RawMessage(raw)
		}
		for _, line := range []string{string(appendJSONLine(nil, r, new(stamp))), string(appendTextLine(nil, r, new(stamp)))} {
			if i := strings.IndexFunc(line, func(r rune) bool {
				return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e'
			}); i != len(line)-1 {
				t.Fatalf("a control character at %d of %q", i, line)
			}
		}
		var back struct {
			Path  string
			Usage struct{ Raw any }
		}
		line := appendJSONLine(nil, r, new(stamp))
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if path := string([]rune(s)); back.Path != path {
			t.Fatalf("%q was read back as %q", path, back.Path)
		}
		if r.usage.Raw != nil && !reflect.DeepEqual(back.Usage.Raw, want) {
			t.Fatalf("%q was read back as %v", raw, back.Usage.Raw)
		}
	})
}

func TestEachExchangeHasALine(t *testing.T) {
	r := startRig(t, simulate.Options{Keys: []string{markKey}}, asked())
	_, answer := r.post(chatPath+"?secret="+markToken, chatPlain, "x-request-id: mine")
	var want struct {
		Usage struct {
			Prompt_tokens, Completion_tokens, Total_tokens float64
			Prompt_tokens_details                          struct{ Cached_tokens, Cache_write_tokens float64 }
		}
	}
	json.Unmarshal([]byte(answer), &want)
	line := r.accessLines(t)[0]
	for field, want := range map[string]any{
		"request_id": "mine", "client": "127.0.0.1", "route": "ai", "method": "POST", "path": chatPath, "status": 200., "code": "",
		"attempts": 1., "bytes_in": float64(len(chatPlain)), "bytes_out": float64(len(answer)), "end": "complete", "model": "gpt-5",
	} {
		if line[field] != want {
			t.Errorf("%s is %v, want %v", field, line[field], want)
		}
	}
	got := line["usage"].(map[string]any)
	u := want.Usage
	for figure, want := range map[string]float64{
		"input_uncached": u.Prompt_tokens - u.Prompt_tokens_details.Cached_tokens - u.Prompt_tokens_details.Cache_write_tokens,
		"cache_read":     u.Prompt_tokens_details.Cached_tokens, "output": u.Completion_tokens, "total": u.Total_tokens,
	} {
		if got[figure] != want {
			t.Errorf("%s is %v, want %v", figure, got[figure], want)
		}
	}
	if raw, _ := got["raw"].(map[string]any); raw["prompt_tokens"] != u.Prompt_tokens {
		t.Errorf("the provider's own object is %v", got["raw"])
	}

	r.post("/nowhere", "")
	r.post(chatPath, chatPlain, "Authorization: Bearer wrong")
	r.post(chatPath+"?sim_status=429", chatPlain)
	r.post(chatPath+"?sim_fault=reset-before-head", chatPlain)
	r.post(chatPath+"?sim_fault=end-early&sim_after=3", chatSSE)
	r.post(chatPath+"?sim_fault=truncate&sim_after=3", chatSSE)
	r.post(chatPath, chatSSE)
	for i, want := range []struct {
		status    float64
		code, end string
		output    bool
	}{
		{404, "route_not_found", "refused", false},
		{401, "unauthorized", "refused", false},
		{429, "", "complete", false},
		{502, "upstream_request_failed", "upstream_broken", false},
		{200, "", "truncated", false},
		{200, "", "upstream_broken", false},
		{200, "", "complete", true},
	} {
		line := r.accessLines(t)[i+1]
		_, counted := line["usage"].(map[string]any)
		if line["status"] != want.status || line["code"] != want.code || line["end"] != want.end || counted != want.output {
			t.Errorf("line %d: %v, want %v", i+1, line, want)
		}
	}
	if log := r.stderr.String(); strings.Count(log, "request failed") != 1 || !strings.Contains(log, "upstream_request_failed") {
		t.Errorf("stderr has %s", log)
	}
}

func TestLinesGoWhereTheyAreAskedFor(t *testing.T) {
	on := asked()
	on.Logging.Format, on.Logging.ToStdout = "text", false
	on.Logging.File = config.LogFile{Enabled: true, Dir: t.TempDir(), Prefix: "gw", Rotation: "never", MaxFiles: 1}
	r := startRig(t, simulate.Options{}, on)
	r.Log().Info("hello", "who", "operator")
	r.post(chatPath, chatPlain)
	r.filed.Flush(patienceOfTests)
	b, _ := os.ReadFile(filepath.Join(on.Logging.File.Dir, "gw.log"))
	if text := string(b); strings.Count(text, "\n") != 2 || !strings.Contains(text, "msg=hello who=operator\n") || !strings.Contains(text, " route=ai ") {
		t.Errorf("the file has %q", text)
	}
	if r.Close(patienceOfTests); r.stdout.String() != "" || !strings.Contains(r.stderr.String(), "msg=hello") {
		t.Errorf("stdout has %q, stderr %q", r.stdout.String(), r.stderr.String())
	}
}

func TestWithoutASectionThereAreFailuresAlone(t *testing.T) {
	r := startRig(t, simulate.Options{}, nil)
	r.post(chatPath, chatPlain)
	r.post("/nowhere", "")
	r.Close(patienceOfTests)
	if r.stdout.String() != "" || r.stderr.String() != "" {
		t.Errorf("stdout has %q, stderr %q", r.stdout.String(), r.stderr.String())
	}
}

func TestAReloadChangesTheLog(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", nil))
	log := o.Log()
	log.Info("first")
	c := loadConfig(t, "http://127.0.0.1:1", asked())
	c.Observability.Logging.Level = "error"
	if err := o.Reconfigure(c); err != nil {
		t.Fatal(err)
	}
	log.Warn("second")
	log.Error("third", "error", errors.New("of "+markKey))
	o.Close(patienceOfTests)
	lines := strings.Split(o.stderr.String(), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], "msg=first") || !strings.HasSuffix(lines[1], `"msg":"third","error":"of ***"}`) {
		t.Errorf("stderr has %q", lines)
	}
}

func TestLinesAreNotLostWhenAFileIsGivenUp(t *testing.T) {
	on := asked()
	on.Logging.File = config.LogFile{Enabled: true, Dir: t.TempDir(), Prefix: "gw", Rotation: "never", MaxFiles: 1}
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", on))
	for range 100 {
		ask(o, "POST", "m", 200)
	}
	if err := o.Reconfigure(loadConfig(t, "http://127.0.0.1:1", asked())); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(filepath.Join(on.Logging.File.Dir, "gw.log"))
	if n := strings.Count(string(b), "\n"); n != 100 || o.dropped() != 0 {
		t.Errorf("the file has %d lines, %d were lost", n, o.dropped())
	}
}

func TestCooldownIsTold(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", nil))
	c := gateway.CooldownChange{Route: "ai", Upstream: "official", Key: "main", Why: "429", For: time.Minute}
	o.CooldownChanged(c)
	c.For = 0
	o.CooldownChanged(c)
	o.Observatory.stderr.Flush(patienceOfTests)
	log := o.stderr.String()
	if !strings.Contains(log, `level=WARN msg="cooldown begins" route=ai upstream=official key=main why=429 for=1m0s`) || !strings.Contains(log, `level=INFO msg="cooldown ends" route=ai`) {
		t.Errorf("the log has %s", log)
	}
}

// drive takes an Observatory through an exchange without a gateway.
func drive(o gateway.Observer, b gateway.Beginning, sent string, res *gateway.Response, answer string, out *gateway.Outcome) {
	w := o.Begin(b)
	if sent != "" {
		w.RequestBytes([]byte(sent))
	}
	if res != nil {
		w.ResponseHead(res)
		w.ResponseBytes([]byte(answer))
	}
	w.End(out)
}

func beginning(method, path, contentType string) gateway.Beginning {
	h := &wire.RequestHead{Method: []byte(method), Target: []byte(path), Path: []byte(path), Minor: 1}
	if contentType != "" {
		h.Framing = wire.ByChunks
		h.Fields = []wire.Field{field("Content-Type", contentType)}
	}
	return gateway.Beginning{Head: h, Method: method, RequestID: "id", Client: "127.0.0.1", Route: "ai", Token: "0a1b2c3d", Start: time.Now()}
}

func field(name, value string) wire.Field {
	return wire.Field{Name: []byte(name), Value: []byte(value), Known: wire.Recognise([]byte(name))}
}

func answerHead(status int, contentType string) *gateway.Response {
	return &gateway.Response{Status: status, Fields: []wire.Field{field("Content-Type", contentType)}}
}

func TestAnswersWithoutABodyAreNotTruncated(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", asked()))
	for _, c := range []struct {
		method string
		status int
		end    string
	}{
		{"HEAD", 200, "complete"}, {"POST", 204, "complete"}, {"POST", 500, "complete"}, {"POST", 200, "truncated"},
	} {
		out := &gateway.Outcome{Status: c.status, End: gateway.Complete, Start: time.Now()}
		drive(o, beginning(c.method, chatPath, ""), "", answerHead(c.status, "text/event-stream"), "", out)
		lines := o.accessLines(t)
		if got := lines[len(lines)-1]["end"]; got != c.end {
			t.Errorf("%s answered by an empty %d ends %q, want %q", c.method, c.status, got, c.end)
		}
	}
}

func TestTheModelIsTheOneAskedForElseTheOneAnswered(t *testing.T) {
	const answer = `{"model":"answered","usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	form := "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n"
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", asked()))
	for _, c := range []struct{ path, contentType, sent, want string }{
		{chatPath, "application/json", chatPlain, "gpt-5"},
		{chatPath, "application/json", `{"messages":[]}`, "answered"},
		{"/ai/v1beta/models/gemini-3:generateContent", "application/json", `{"model":"x"}`, "gemini-3"},
		{"/ai/v1/audio/transcriptions", `multipart/form-data; boundary=b`, form, "whisper-1"},
	} {
		out := &gateway.Outcome{Status: 200, End: gateway.Complete, Start: time.Now()}
		drive(o, beginning("POST", c.path, c.contentType), c.sent, answerHead(200, "application/json"), answer, out)
		lines := o.accessLines(t)
		if got := lines[len(lines)-1]["model"]; got != c.want {
			t.Errorf("%s: the model is %q, want %q", c.sent, got, c.want)
		}
	}
}

func TestASessionSumsItsAnswers(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", asked()))
	done := `{"type":"response.done","response":{"usage":{"total_tokens":30,"input_tokens":20,"output_tokens":10}}}`
	frame := "\x81\x7e" + string([]byte{byte(len(done) >> 8), byte(len(done))}) + done
	out := &gateway.Outcome{Status: 101, End: gateway.Complete, Start: time.Now()}
	drive(o, beginning("GET", "/ai/v1/realtime", ""), "", &gateway.Response{Status: 101}, frame+frame, out)
	u, _ := o.accessLines(t)[0]["usage"].(map[string]any)
	if u["output"] != 20. || u["total"] != 60. {
		t.Errorf("the session's usage is %v", u)
	}
}

func TestEveryByteOfAFieldIsLookedAt(t *testing.T) {
	for at := range 17 {
		for c := range 0x80 {
			text := []byte("seventeen letters")
			text[at] = byte(c)
			line := appendJSON(nil, string(text))
			var back string
			if err := json.Unmarshal(line, &back); err != nil || back != string(text) {
				t.Errorf("%q became %s", text, line)
			}
			if asIs := c >= ' ' && c < 0x7f && c != '"' && c != '\\'; (len(line) == len(text)+2) != asIs {
				t.Errorf("%q became %s", text, line)
			}
		}
	}
}

func TestDenseIsWhatEachByteSays(t *testing.T) {
	for at := range 17 {
		for c := range 256 {
			text := []byte(`{"total_tokens":1`)
			text[at] = byte(c)
			if got, want := isDense(text), c > ' ' && c < 0x7f; got != want {
				t.Errorf("isDense(%q) is %v", text, got)
			}
		}
	}
}
