package usage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/klauspost/compress/zstd"
)

var (
	sseHead  = Response{Status: 200, ContentType: "text/event-stream"}
	jsonHead = Response{Status: 200, ContentType: "application/json"}
	lineHead = Response{Status: 200, ContentType: "application/x-ndjson"}
)

// answers is what a body gives, the same for each split in two.
func answers(t *testing.T, head Response, body string) Result {
	t.Helper()
	whole := scanned(head, true, []byte(body))
	for i := range body {
		if got := scanned(head, true, []byte(body[:i]), []byte(body[i:])); !reflect.DeepEqual(got, whole) {
			t.Fatalf("%q split at %d: %s, whole: %s", body, i, show(got), show(whole))
		}
	}
	return whole
}

// A batch tells what it has cost so far whenever somebody asks.
func TestWhatABatchHasCostIsNotCounted(t *testing.T) {
	for path, counted := range map[string]bool{
		"/v1/batches": false, "/v1/batches/batch_1": false, "/v1/batches/batch_1/cancel": false,
		"/v1/responses/resp_1": true, "/openai/deployments/batches/embeddings": true, "/batches/responses": true,
	} {
		head := jsonHead
		head.Path = path
		got := answers(t, head, `{"usage":{"input_tokens":1,"output_tokens":2}}`).Usage
		if _, known := got.Output.Value(); known != counted {
			t.Errorf("%s: counted %v, want %v", path, known, counted)
		}
	}
}

func TestOnlyTheFixedPathCounts(t *testing.T) {
	for _, body := range []string{
		`{"choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":7}"}}]}`,
		`{"choices":[{"message":{"content":"\\","usage":{"prompt_tokens":7}}}]}`,
		`{"content":[{"type":"tool_use","input":{"usage":{"input_tokens":7}}}]}`,
		`{"metadata":{"usage":{"prompt_tokens":7}}}`,
		`{"a":[{"usage":{"prompt_tokens":7}}],"b":{"a":{"usage":{"prompt_tokens":7}}}}`,
		`[[{"usage":{"prompt_tokens":7}}]]`,
		`{"usage":[{"prompt_tokens":7}]}`,
		`{"usage":"{\"prompt_tokens\":7}"}`,
		`{"usage":{"other":{"prompt_tokens":7}}}`,
		`{"usage":{"prompt_tokens_details":{"prompt_tokens":7}}}`,
		`{"choices":{"usage":{"prompt_tokens":7}}}`,
		`{"usage_":{"prompt_tokens":7},"Usage":{"prompt_tokens":7},"usag":{"prompt_tokens":7}}`,
		`{"x\"":"y","z":"\",\"usage\":{\"prompt_tokens\":7}"}`,
		`{"prompt_tokens":7,"completion_tokens":7,"input_tokens":7}`,
		`{"usage":null}`,
		`{"usage":{}}`,
		`{"usage":{"prompt_tokens":null}}`,
		`{"usage":{"prompt_tokens":"7"}}`,
		`{"usage":{"prompt_tokens":-7}}`,
		`{"usage":{"prompt_tokens":7.5}}`,
		`{"usage":{"prompt_tokens":7e99}}`,
		`{"usage":{"prompt_tokens":[7]}}`,
		`"usage":{"prompt_tokens":7}`,
		`7 {"usage":{"prompt_tokens":7}}`,
	} {
		got := answers(t, jsonHead, body).Usage
		got.Raw = nil
		if !reflect.DeepEqual(got, Usage{}) {
			t.Errorf("%s: counted %s", body, show(got))
		}
	}
}

func TestLastFigureThatIsNotNullWins(t *testing.T) {
	got := answers(t, sseHead, `data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}

data: {"choices":[],"usage":null}

data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":null,"prompt_tokens_details":null}}

data: {"choices":[],"usage":null}

data: [DONE]

`)
	want := Usage{InputUncached: Known(9), CacheRead: Known(1), Output: Known(5), Total: Known(2),
		Raw: json.RawMessage(`{"completion_tokens":5,"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":1},"total_tokens":2}`)}
	if !reflect.DeepEqual(got.Usage, want) {
		t.Errorf("got %s, want %s", show(got.Usage), show(want))
	}
}

func TestSSEIsReadAsTheStandardSays(t *testing.T) {
	chunk := `{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`
	for name, c := range map[string]struct {
		body   string
		events int64
	}{
		"LF":                       {"data: " + chunk + "\n\n", 1},
		"CRLF":                     {"data: " + chunk + "\r\n\r\n", 1},
		"CR":                       {"data: " + chunk + "\r\r", 1},
		"mixed ends":               {"id: 1\rdata: " + chunk + "\n\r\n", 1},
		"no space":                 {"data:" + chunk + "\n\n", 1},
		"byte order mark":          {"\uFEFFdata: " + chunk + "\n\n", 1},
		"comments":                 {": hi\n\n:\n\n: data: {\ndata: " + chunk + "\n: more\n\n: bye\n\n", 1},
		"other fields":             {"id: 7\nretry: 10\nevent: completion\ndatabase: {\ndata: " + chunk + "\nfoo\n\n", 1},
		"multi-line data":          {"data: {\ndata:  \"choices\":[],\ndata\ndata: \"usage\":\ndata: {\"prompt_tokens\":3,\ndata: \"completion_tokens\":4}\ndata: }\n\n", 1},
		"multi-line data, CRLF":    {"data: {\"choices\":[],\r\ndata: \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\r\n\r\n", 1},
		"multi-line data, CR":      {"data: {\"choices\":[],\rdata: \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\r\r", 1},
		"an array in an array":     {"data: " + chunk + "\n\ndata: [[{\"usage\":{\"prompt_tokens\":9}}]]\n\n", 2},
		"an array":                 {"data: [" + chunk + "]\n\n", 1},
		"blank line missing":       {"data: " + chunk + "\n", 1},
		"line end missing":         {"data: " + chunk, 1},
		"single line ends":         {"data: {\"choices\":[]}\ndata: " + chunk + "\ndata: [DONE]\n", 1},
		"empty data":               {"data:\n\ndata: \n\ndata\n\ndata: " + chunk + "\n\n", 4},
		"no JSON":                  {"data: hello {\"usage\":{\"prompt_tokens\":9}}\n\ndata: {\"usage\":\n\ndata: " + chunk + "\n\n", 3},
		"array that is not [DONE]": {"data: [\ndata: {}]\n\ndata: [DO]\n\ndata: [D\n\ndata: " + chunk + "\n\n", 4},
		"after [DONE]":             {"data: [DONE] \n\ndata: " + chunk + "\n\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			got := answers(t, sseHead, c.body)
			if got.Usage.InputUncached != Known(3) || got.Usage.Output != Known(4) || got.Events != c.events || got.InBandError {
				t.Errorf("%q: %s", c.body, show(got))
			}
		})
	}
}

func TestErrorsInTheBodyAreNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		head Response
		body string
		want bool
	}{
		"OpenAI":         {sseHead, "data: {\"choices\":[]}\n\ndata: {\"error\":{\"message\":\"x\"}}\n\n", true},
		"Responses":      {sseHead, "event: error\ndata: {\"type\":\"error\",\"code\":\"x\"}\n\n", true},
		"name, CRLF":     {sseHead, "event: error\r\ndata: oops\r\n\r\n", true},
		"event name":     {sseHead, "event: error\ndata: oops\n\n", true},
		"Groq":           {sseHead, "data: {\"choices\":[],\"x_groq\":{\"error\":\"x\"}}\n\n", true},
		"OpenRouter":     {sseHead, "data: {\"choices\":[{\"finish_reason\":\"error\"}]}\n\n", true},
		"Cohere v1":      {lineHead, "{\"event_type\":\"stream-end\",\"finish_reason\":\"ERROR\"}\n", true},
		"Ollama":         {lineHead, "{\"error\":\"x\"}\n", true},
		"null":           {jsonHead, `{"error":null}`, false},
		"empty":          {jsonHead, `{"error":""}`, false},
		"elsewhere":      {jsonHead, `{"output":{"error":{"message":"x"}}}`, false},
		"a longer name":  {sseHead, "event: errors\ndata: {}\n\n", false},
		"name, no data":  {sseHead, "event: error\n\ndata: {}\n\n", false},
		"of the request": {jsonHead, `{"response":{"error":{"message":"x"}}}`, false},
	} {
		if got := answers(t, c.head, c.body); got.InBandError != c.want || got.Truncated {
			t.Errorf("%s: %s", name, show(got))
		}
	}
}

// A large body is walked, not held: what stands at its end is found, in memory
// that does not grow with it.
func TestLargeBodiesTakeNoMemory(t *testing.T) {
	piece := bytes.Repeat([]byte(`iVBORw0KGgoAAAANSUhEUg\/`), 1<<10)
	for name, c := range map[string]struct {
		head        Response
		begin, tail string
	}{
		"one event": {sseHead, `data: {"type":"response.completed","response":{"output":[{"result":"`, `"}],"usage":{"input_tokens":5,"output_tokens":6}}}` + "\n\n"},
		"one JSON":  {jsonHead, `{"data":[{"b64_json":"`, `"}],"usage":{"input_tokens":5,"output_tokens":6}}`},
		"one key":   {jsonHead, `{"`, `":1,"usage":{"input_tokens":5,"output_tokens":6}}`},
		"model":     {jsonHead, `{"model":"`, `","usage":{"input_tokens":5,"output_tokens":6}}`},
		"in usage":  {jsonHead, `{"usage":{"iterations":["`, `"],"input_tokens":5,"output_tokens":6}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewScanner(c.head)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s.Write([]byte(c.begin))
			for range 16 << 20 / len(piece) {
				s.Write(piece)
			}
			s.Write([]byte(c.tail))
			runtime.ReadMemStats(&after)
			r := s.End(true)
			if r.Usage.InputUncached != Known(5) || r.Usage.Output != Known(6) || r.Truncated || r.Model != "" {
				t.Errorf("got %s", show(r))
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<10 {
				t.Errorf("%d KiB allocated for a body of 16 MiB", grown>>10)
			}
			if name == "in usage" && r.Usage.Raw != nil {
				t.Error("a usage object too large to keep was kept in part")
			}
		})
	}
}

func TestPiecesAreNeitherChangedNorKept(t *testing.T) {
	for _, r := range recordedAnswers(t) {
		for _, coding := range append(codings, testCoding{}) {
			head, body := r.head, r.body
			if head.ContentEncoding = coding.header; coding.open != nil {
				body = coding.encode(t, body)
			}
			s := NewScanner(head)
			piece := make([]byte, 0, 64)
			for rest := body; len(rest) > 0; rest = rest[len(piece):] {
				piece = append(piece[:0], rest[:min(61, len(rest))]...)
				s.Write(piece)
				if s.decoder != nil && s.decoder.in != nil {
					t.Fatalf("%s: a piece was kept", r.name)
				}
				if !bytes.Equal(piece, rest[:len(piece)]) {
					t.Fatalf("%s: a piece was changed", r.name)
				}
				for i := range piece {
					piece[i] = '7'
				}
			}
			if got := s.End(true); !r.want.is(got) {
				t.Errorf("%s %s: got %s", r.name, coding.name, show(got))
			}
		}
	}
}

func TestBytesBehindTheEndAreNotKept(t *testing.T) {
	for _, c := range codings {
		head := jsonHead
		head.ContentEncoding = c.header
		s := NewScanner(head)
		s.Write(c.encode(t, []byte(`{"usage":{"prompt_tokens":3}}`)))
		s.Write([]byte("more, of no coding"))
		if s.Write([]byte("and more")); s.decoder.in != nil {
			t.Errorf("%s: a piece was kept", c.name)
		}
		s.End(true)
	}
}

func TestAnswersThatCannotBeReadAreUnknown(t *testing.T) {
	body := `{"model":"m","usage":{"prompt_tokens":3}}`
	event := eventMessage(nil, body)
	event[preludeLen-1]++
	gz := string(codings[0].encode(t, []byte(body)))
	for name, c := range map[string]struct {
		head   Response
		body   string
		gaveUp bool
	}{
		"no success":       {Response{Status: 429, ContentType: "application/json"}, body, false},
		"no JSON":          {Response{Status: 200, ContentType: "audio/mpeg"}, body, false},
		"unknown coding":   {Response{Status: 200, ContentType: "application/json", ContentEncoding: "compress"}, body, true},
		"two codings":      {Response{Status: 200, ContentType: "application/json", ContentEncoding: "gzip, br"}, gz, true},
		"not what it says": {Response{Status: 200, ContentType: "application/json", ContentEncoding: "gzip"}, body, true},
		"corrupt":          {Response{Status: 200, ContentType: "application/json", ContentEncoding: "gzip"}, gz[:len(gz)-6] + "123456", true},
		"wrong checksum":   {Response{Status: 200, ContentType: "application/vnd.amazon.eventstream"}, string(event), true},
		"event stream":     {Response{Status: 200, ContentType: "application/vnd.amazon.eventstream"}, body, true},
	} {
		got := answers(t, c.head, c.body)
		if got.GaveUp != c.gaveUp || got.Truncated || !reflect.DeepEqual(got.Usage, Usage{}) {
			t.Errorf("%s: %s", name, show(got))
		}
	}
}

func TestBombsAreGivenUpOn(t *testing.T) {
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			var bomb []byte
			c.stream(t, func(write func(string), flush func() []byte) {
				blanks := strings.Repeat(" ", 1<<20)
				for range 16 {
					write(blanks)
				}
				bomb = flush()
			})
			head := jsonHead
			head.ContentEncoding = c.header
			s := NewScanner(head)
			s.Write(bomb)
			s.Write([]byte(`{"usage":{"prompt_tokens":1}}`))
			if r := s.End(true); !r.GaveUp || !reflect.DeepEqual(r.Usage, Usage{}) {
				t.Errorf("%d bytes that become 16 MiB: %s", len(bomb), show(r))
			}
		})
	}
}

// What compresses well is no bomb yet: usage stands at the end of it.
func TestLargeBodiesThatCompressWellAreRead(t *testing.T) {
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			var body []byte
			c.stream(t, func(write func(string), flush func() []byte) {
				write(`{"data":[{"b64_json":"` + strings.Repeat("A", 6<<20))
				write(`"}],"usage":{"input_tokens":3}}`)
				body = flush()
			})
			head := jsonHead
			head.ContentEncoding = c.header
			if r := scanned(head, true, body); r.Usage.InputUncached != Known(3) {
				t.Errorf("%d bytes that become 6 MiB: %s", len(body), show(r))
			}
			if r := scanned(head, true, byteByByte(body)...); r.Usage.InputUncached != Known(3) {
				t.Errorf("%d bytes that become 6 MiB, byte by byte: %s", len(body), show(r))
			}
		})
	}
}

// The allowance is the body's, not each piece's: small pieces do not add to it.
func TestBombsInSmallPiecesAreGivenUpOn(t *testing.T) {
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			var bomb []byte
			c.stream(t, func(write func(string), flush func() []byte) {
				write(strings.Repeat(" ", 16<<20))
				bomb = flush()
			})
			head := jsonHead
			head.ContentEncoding = c.header
			if r := scanned(head, true, byteByByte(bomb)...); !r.GaveUp {
				t.Errorf("%d bytes that become 16 MiB: %s", len(bomb), show(r))
			}
		})
	}
}

func TestBodyExpandsToABoundOnly(t *testing.T) {
	text := `{"usage":{"prompt_tokens":3}}` + strings.Repeat(" ", 1000)
	for extra, gaveUp := range map[int64]bool{0: false, -1: true} {
		head := jsonHead
		head.ContentEncoding = "gzip"
		s := NewScanner(head)
		s.decoder.budget = int64(len(text)) + extra // not 256 MiB, for the test's sake
		for _, p := range byteByByte(codings[0].encode(t, []byte(text))) {
			s.Write(p)
		}
		if r := s.End(true); r.GaveUp != gaveUp || r.Usage.InputUncached.known == gaveUp {
			t.Errorf("%d over the bound: %s", extra, show(r))
		}
	}
}

// RFC 9659: a zstd window beyond 8 MiB need not be supported.
func TestZstdWindowIsBounded(t *testing.T) {
	for window, gaveUp := range map[int]bool{8 << 20: false, 16 << 20: true} {
		c := testCoding{"zstd", "zstd", func(w io.Writer) flushCloser {
			z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
			return z
		}}
		head := jsonHead
		head.ContentEncoding = "zstd"
		r := scanned(head, true, c.encode(t, []byte(`{"usage":{"prompt_tokens":3}}`)))
		if r.GaveUp != gaveUp || r.Usage.InputUncached.known == gaveUp {
			t.Errorf("window of %d MiB: %s", window>>20, show(r))
		}
	}
}

// The bubble fails the test if a coroutine is left when it ends.
func TestNothingRunsOnAfterTheEnd(t *testing.T) {
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			body := c.encode(t, []byte(`{"usage":{"prompt_tokens":3}}`))
			head := jsonHead
			head.ContentEncoding = c.header
			synctest.Test(t, func(t *testing.T) {
				NewScanner(head).End(false) // nothing came
				s := NewScanner(head)
				s.Write(body[:len(body)/2])
				s.End(false) // cut
				s.Reset(head)
				s.Write(body)
				if r := s.End(true); r.Usage.InputUncached != Known(3) {
					t.Errorf("used again: %s", show(r))
				}
				s.Reset(head)
				s.Write([]byte("garbage, for all codings"))
				s.End(true)
			})
		})
	}
}

func TestScannerUsedAgainKnowsNothingOfTheLastAnswer(t *testing.T) {
	all := recordedAnswers(t)
	s := NewScanner(Response{})
	for _, before := range all {
		s.End(false)
		s.Reset(before.head)
		s.Write(before.body[:len(before.body)*2/3])
		s.End(false)
		for _, r := range all {
			s.Reset(r.head)
			if p := s.Progress(); p != (Progress{}) {
				t.Fatalf("progress before the first byte: %+v", p)
			}
			s.Write(r.body)
			if got := s.End(true); !r.want.is(got) {
				t.Fatalf("%s after %s: %s", r.name, before.name, show(got))
			}
		}
	}
}

func TestProgressMayBeAskedForFromAnywhere(t *testing.T) {
	s := NewScanner(sseHead)
	var asking sync.WaitGroup
	done := make(chan struct{})
	asking.Go(func() {
		var last int64
		for {
			select {
			case <-done:
				return
			default:
			}
			p := s.Progress()
			if p.Events < last {
				t.Errorf("events went from %d to %d", last, p.Events)
			}
			last = p.Events
			runtime.Gosched()
		}
	})
	for i := range 1000 {
		s.Write(fmt.Appendf(nil, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"completion_tokens\":%d}}\n\n", i))
	}
	if p := s.Progress(); p.Events != 1000 || p.Output != Known(999) {
		t.Errorf("got %+v", p)
	}
	close(done)
	asking.Wait()
	s.End(false)
}

// Self-made servers leave the Content-Type out. What begins as JSON or as events
// is read as such, and nothing else is, nor called cut short.
func TestAnswersWithoutAContentTypeAreReadAsTheyBegin(t *testing.T) {
	const chat = `{"model":"m","choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5}}`
	head := Response{Status: 200, Path: "/v1/chat/completions"}
	for name, c := range map[string]struct {
		body      string
		counted   bool
		truncated bool
	}{
		"JSON":                 {chat, true, false},
		"JSON behind blanks":   {"\n\n " + chat, true, false},
		"JSON behind a mark":   {"\uFEFF" + chat, true, false},
		"lines":                {`{"done":false}` + "\n" + `{"done":true,"prompt_eval_count":3,"eval_count":5}` + "\n", true, false},
		"events":               {"data: " + chat + "\n\ndata: [DONE]\n\n", true, false},
		"events behind others": {": hi\n\nevent: x\ndata: " + chat + "\n\n", true, false},
		"events that are cut":  {`data: {"choices":[{"delta":{}}]}` + "\n\n", false, true},
		"a page":               {"<html>" + chat + "</html>", false, false},
		"a text":               {"error: " + chat, false, false},
		"nothing":              {"", false, false},
		"nothing but blanks":   {" \n", false, false},
	} {
		got := answers(t, head, c.body)
		if got.Usage.Output.known != c.counted || c.counted && got.Usage.Output != Known(5) || got.Truncated != c.truncated {
			t.Errorf("%s: got %s", name, show(got))
		}
	}
}
