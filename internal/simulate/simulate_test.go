package simulate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what should happen at once.
const patience = 10 * time.Second

const prompt = "Why is the sky blue — and not green?"

// streams are the requests of every API that streams: how each is asked, and how
// its events are told apart.
var streams = []struct {
	name, path, body string
	next             func(*bufio.Reader) (string, error)
	end              string // what the last event has and no other
}{
	{"chat", "/v1/chat/completions", `{"model":"gpt-5","stream":true,"messages":[{"role":"user","content":"` + prompt + `"}]}`, nextSSE, "[DONE]"},
	{"responses", "/v1/responses", `{"model":"gpt-5","stream":true,"input":"` + prompt + `"}`, nextSSE, "response.completed"},
	{"messages", "/v1/messages", `{"model":"claude-opus-5","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"` + prompt + `"}]}`, nextSSE, "message_stop"},
	{"gemini", "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"` + prompt + `"}]}]}`, nextSSE, "finishReason"},
	{"gemini array", "/v1beta/models/gemini-3-pro:streamGenerateContent", `{"contents":[{"role":"user","parts":[{"text":"` + prompt + `"}]}]}`, nextElement, "\n]"},
	{"ollama", "/api/chat", `{"model":"llama3","messages":[{"role":"user","content":"` + prompt + `"}]}`, nextLine, `"done":true`},
}

// nextSSE reads up to the blank line that ends an event.
func nextSSE(r *bufio.Reader) (string, error) {
	var event strings.Builder
	for {
		line, err := r.ReadString('\n')
		event.WriteString(line)
		if err != nil || strings.TrimRight(line, "\r\n") == "" {
			return event.String(), err
		}
	}
}

func nextLine(r *bufio.Reader) (string, error) { return r.ReadString('\n') }

// nextElement reads an element of an array that has one on each line. The comma
// before an element leaves with it, so its end is found by its braces, which no
// text here has.
func nextElement(r *bufio.Reader) (string, error) {
	var element []byte
	for depth := 0; ; {
		b, err := r.ReadByte()
		if err != nil {
			return string(element), err
		}
		element = append(element, b)
		switch b {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return string(element), nil
			}
		case '\n':
			if bytes.HasSuffix(element, []byte("]\n")) {
				return "\n]", nil
			}
		}
	}
}

// start runs a simulated provider for the length of a test.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// call sends a request; headers are names and values in turn. The answer's body
// is closed with the test.
func call(t *testing.T, ctx context.Context, method, url, body string, headers ...string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := transport.RoundTrip(req)
	if err == nil {
		t.Cleanup(func() { res.Body.Close() })
	}
	return res, err
}

// ask posts a request that must be answered.
func ask(t *testing.T, url, body string, headers ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	res, err := call(t, ctx, http.MethodPost, url, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// read decodes a whole JSON body.
func read[T any](t *testing.T, res *http.Response) (v T) {
	t.Helper()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("after %q: %v", data, err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return v
}

// all reads events to the end of the body, which must be clean.
func all(t *testing.T, res *http.Response, next func(*bufio.Reader) (string, error)) (events []string) {
	t.Helper()
	for r := bufio.NewReader(res.Body); ; {
		event, err := next(r)
		if errors.Is(err, io.EOF) && event == "" {
			return events
		}
		if err != nil {
			t.Fatalf("after %d events: %v", len(events), err)
		}
		events = append(events, event)
	}
}

// data is what the data lines of server-sent events say, decoded.
func data[T any](t *testing.T, events []string) (out []T) {
	t.Helper()
	for _, event := range events {
		_, text, ok := strings.Cut(event, "data: ")
		if !ok {
			t.Fatalf("event without data: %q", event)
		}
		if strings.HasPrefix(text, "[DONE]") {
			continue
		}
		var v T
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		out = append(out, v)
	}
	return out
}
