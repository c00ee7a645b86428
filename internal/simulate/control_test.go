package simulate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const chatBody = `{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}`

// errorShapes is how each provider answers with an error: its path, where it
// takes a key, and the parts of the body that its SDK reads.
var errorShapes = []struct {
	name, path, keyHeader, keyPrefix string
	want                             map[int]string
}{
	{"openai", "/v1/chat/completions", "Authorization", "Bearer ", map[int]string{
		401: `"type":"invalid_request_error","param":null,"code":"invalid_api_key"`,
		429: `"type":"requests","param":null,"code":"rate_limit_exceeded"`,
		500: `"type":"server_error"`, 503: `"type":"server_error"`,
	}},
	{"anthropic", "/v1/messages", "X-Api-Key", "", map[int]string{
		401: `{"type":"error","error":{"type":"authentication_error"`, 429: `"type":"rate_limit_error"`,
		500: `"type":"api_error"`, 529: `"type":"overloaded_error"`,
	}},
	{"gemini", "/v1beta/models/gemini-3-pro:generateContent", "X-Goog-Api-Key", "", map[int]string{
		401: `{"error":{"code":401,`, 429: `"status":"RESOURCE_EXHAUSTED"`,
		500: `"status":"INTERNAL"`, 503: `"status":"UNAVAILABLE"`,
	}},
	{"ollama", "/api/chat", "Authorization", "Bearer ", map[int]string{
		401: `{"error":"`, 429: `{"error":"`, 500: `{"error":"`, 503: `{"error":"`,
	}},
}

func TestErrorsHaveTheProvidersShape(t *testing.T) {
	server := start(t, Options{})
	for _, p := range errorShapes {
		for status, want := range p.want {
			res := ask(t, server.URL()+p.path, `{}`, "X-Sim-Status", strconv.Itoa(status))
			body := string(read[json.RawMessage](t, res))
			if res.StatusCode != status || !strings.Contains(body, want) {
				t.Errorf("%s %d: answered %s %s", p.name, status, res.Status, body)
			}
		}
		res := ask(t, server.URL()+p.path, `{"model":`)
		if body := string(read[json.RawMessage](t, res)); res.StatusCode != 400 || !strings.Contains(body, `"error"`) {
			t.Errorf("%s: unfinished JSON answered %s %s", p.name, res.Status, body)
		}
	}
}

func TestKeyIsDemandedWhereTheApiCarriesIt(t *testing.T) {
	server := start(t, Options{Keys: []string{"right", "also-right"}})
	for _, p := range errorShapes {
		for _, c := range []struct {
			key  string
			want int
		}{{"right", 200}, {"also-right", 200}, {"wrong", 401}, {"", 401}} {
			res := ask(t, server.URL()+p.path, `{}`, p.keyHeader, p.keyPrefix+c.key)
			if res.StatusCode != c.want {
				t.Errorf("%s, key %q: %s, want %d", p.name, c.key, res.Status, c.want)
			}
		}
		// What was asked of a provider that does not know the caller is not done.
		res := ask(t, server.URL()+p.path, `{}`, "X-Sim-Status", "429")
		if res.StatusCode != 401 {
			t.Errorf("%s without a key: %s", p.name, res.Status)
		}
	}
}

func TestRefusalSaysHowLongToWait(t *testing.T) {
	server := start(t, Options{})
	wait := func(value string) (http.Header, string) {
		res := ask(t, server.URL()+"/v1beta/models/m:generateContent?sim_status=429&sim_retry_after="+value, `{}`)
		return res.Header, string(read[json.RawMessage](t, res))
	}
	if h, body := wait("7"); h.Get("Retry-After") != "7" || !strings.Contains(body, `"retryDelay":"7s"`) {
		t.Errorf("seconds: %v %s", h, body)
	}
	if h, body := wait("ms:1500"); h.Get("Retry-After-Ms") != "1500" || h.Get("Retry-After") != "" || !strings.Contains(body, `"retryDelay":"1.5s"`) {
		t.Errorf("milliseconds: %v %s", h, body)
	}
	h, _ := wait("date:60")
	at, err := http.ParseTime(h.Get("Retry-After"))
	if err != nil || time.Until(at) < 50*time.Second || time.Until(at) > 60*time.Second {
		t.Errorf("date: %v, %v", h, err)
	}
	if h, _ := wait(""); h.Get("Retry-After") != "" {
		t.Errorf("nothing: %v", h)
	}
}

func TestRequestOverridesOptionsAndHeaderOverridesQuery(t *testing.T) {
	server := start(t, Options{Manner: Manner{Tokens: 2}})
	for _, c := range []struct {
		query, header string
		want          int
	}{{"", "", 2}, {"?sim_tokens=3", "", 3}, {"?sim_tokens=3", "4", 4}} {
		var headers []string
		if c.header != "" {
			headers = []string{"X-Sim-Tokens", c.header}
		}
		got := string(read[json.RawMessage](t, ask(t, server.URL()+"/v1/chat/completions"+c.query, chatBody, headers...)))
		if !strings.Contains(got, `"`+Answer("hi", c.want)+`"`) {
			t.Errorf("query %q, header %q: %s", c.query, c.header, got)
		}
	}
}

func TestControlsThatCannotBeReadAreRefused(t *testing.T) {
	server := start(t, Options{Manner: Manner{Fault: ResetBeforeHead, HeadDelay: time.Hour}})
	for query, want := range map[string]string{
		"sim_pace=soon":              "sim_pace: \\\"soon\\\" is not a time from 0 to 1h, such as 40ms or 2s",
		"sim_pace=-1s":               "from 0 to 1h",
		"sim_head_delay=2h":          "sim_head_delay: ",
		"sim_tokens=0":               "from 1 to 1000000",
		"sim_size=16777217":          "from 0 to 16777216",
		"sim_status=302":             "from 400 to 599, nor 200",
		"sim_encoding=lzw":           "not one of identity, gzip, deflate, br, zstd",
		"sim_fault=nuisance":         "not one of none, reset-before-head, garbage-head, reset, truncate, garbage, stall, end-early, error-event",
		"sim_after=-1":               "sim_after: ",
		"sim_retry_after=x":          "not like 3, date:3 or ms:1500",
		"sim_retry_after=9999999999": "from 0 to 1000000000",
		"sim_speed=1":                "sim_speed: there is no such control, but pace, head-delay, tokens, size, ",
		"sim_close=perhaps":          "sim_close: \\\"perhaps\\\" is not true or false",
		"sim_fault=reset&sim_size=x": "sim_size: ",
	} {
		res := ask(t, server.URL()+"/v1/chat/completions?"+query, chatBody)
		body := string(read[json.RawMessage](t, res))
		if res.StatusCode != 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %s %s", query, res.Status, body)
		}
	}
}

// What holds for all can be taken back for one.
func TestEveryControlCanBeTakenBack(t *testing.T) {
	server := start(t, Options{Manner: Manner{Size: 5000, Encoding: "gzip", Status: 529, RetryAfter: "3", Fault: Truncate, Close: true, Unframed: true}})
	res := ask(t, server.URL()+"/v1/chat/completions?sim_size=0&sim_encoding=identity&sim_status=200&sim_retry_after=&sim_fault=none&sim_close=0&sim_unframed=0", chatBody)
	body := string(read[json.RawMessage](t, res))
	if res.StatusCode != 200 || res.Close || res.ContentLength != int64(len(body)) || !strings.Contains(body, Answer("hi", DefaultTokens)) {
		t.Errorf("%s, closed %v, %d bytes: %s", res.Status, res.Close, res.ContentLength, body)
	}
}

func TestTimesAreReadWithAndWithoutUnit(t *testing.T) {
	for value, want := range map[string]time.Duration{"0": 0, "40": 40 * time.Millisecond, "2s": 2 * time.Second, "1h": time.Hour} {
		var m Manner
		if err := m.Set("pace", value); err != nil || m.Pace != want {
			t.Errorf("%q is %v, %v", value, m.Pace, err)
		}
	}
}

func TestPlainAnswerHasExactlyTheChosenSize(t *testing.T) {
	server := start(t, Options{})
	for _, p := range errorShapes {
		for _, size := range []int{1100, 1200, 9_999, 10_000, 123_456, 1 << 20} {
			res := ask(t, server.URL()+p.path, `{"stream":false}`, "X-Sim-Size", strconv.Itoa(size))
			body := read[json.RawMessage](t, res)
			if len(body) != size || res.ContentLength != int64(size) {
				t.Errorf("%s: %d bytes, Content-Length %d, want %d", p.name, len(body), res.ContentLength, size)
			}
		}
	}
}

func TestFiguresFollowTheSize(t *testing.T) {
	server := start(t, Options{})
	got := read[struct {
		Choices []struct{ Message struct{ Content string } }
		Usage   struct {
			Completion int `json:"completion_tokens"`
		}
	}](t, ask(t, server.URL()+"/v1/chat/completions?sim_size=5000", chatBody))
	if want := Count("hi", got.Choices[0].Message.Content).Output(); got.Usage.Completion != want || want < 100 {
		t.Errorf("%d tokens, want %d", got.Usage.Completion, want)
	}
}

// Frames are read off the wire: a client would hide them.
func TestBodyIsFramedAsChosen(t *testing.T) {
	server := start(t, Options{})
	for query, want := range map[string]struct {
		stream                   bool
		length, chunked, closing bool
	}{
		"":                         {false, true, false, false},
		"?sim_close=true":          {false, true, false, true},
		"?sim_unframed=true":       {false, false, false, true},
		"?sim_pace=0s":             {true, false, true, false},
		"?sim_pace=0s&sim_close=1": {true, false, true, true},
		"?sim_unframed=1":          {true, false, false, true},
	} {
		body := strings.Replace(chatBody, "{", fmt.Sprintf(`{"stream":%v,`, want.stream), 1)
		conn, err := net.Dial("tcp", server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "POST /v1/chat/completions%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", query, len(body), body)
		r := bufio.NewReader(conn)
		var head string
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			head += line
		}
		if got := strings.Contains(head, "Content-Length: "); got != want.length {
			t.Errorf("%s: length %v in %q", query, got, head)
		}
		if got := strings.Contains(head, "Transfer-Encoding: chunked"); got != want.chunked {
			t.Errorf("%s: chunked %v in %q", query, got, head)
		}
		if got := strings.Contains(head, "Connection: close"); got != want.closing {
			t.Errorf("%s: closing %v in %q", query, got, head)
		}
		if want.closing {
			if _, err := io.ReadAll(r); err != nil {
				t.Errorf("%s: the connection did not end: %v", query, err)
			}
		}
	}
}

func TestUnknownPathIsNotFoundInItsProvidersShape(t *testing.T) {
	server := start(t, Options{})
	for path, want := range map[string]string{
		"/v2/chat":                         `"type":"invalid_request_error"`,
		"/v1/messages/batches":             `"type":"not_found_error"`,
		"/v1beta/models/gemini-3-pro:sing": `"status":"NOT_FOUND"`,
		"/api/pull":                        `{"error":"`,
	} {
		res := ask(t, server.URL()+path, `{}`)
		if body := string(read[json.RawMessage](t, res)); res.StatusCode != 404 || !strings.Contains(body, want) {
			t.Errorf("%s: %s %s", path, res.Status, body)
		}
	}
}
