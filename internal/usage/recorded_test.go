package usage

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// recorded is an answer in testdata/answers: a few lines on where its shape
// comes from and what is in it, a blank line, and the body.
type recorded struct {
	name string
	head Response
	body []byte
	want expectation
}

type expectation struct {
	Usage  map[string]*int64 `json:"usage"`
	Model  string            `json:"model"`
	Events int64             `json:"events"`
	Error  bool              `json:"error"`
	Raw    any               `json:"raw"`
}

func recordedAnswers(t testing.TB) []recorded {
	t.Helper()
	files, _ := filepath.Glob("testdata/answers/*.txt")
	if len(files) == 0 {
		t.Fatal("no recorded answers")
	}
	var all []recorded
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(text), "\n\n")
		r := recorded{name: strings.TrimSuffix(filepath.Base(file), ".txt"), body: []byte(body)}
		r.head.Status = 200
		for line := range strings.SplitSeq(head, "\n") {
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "from":
			case "path":
				r.head.Path = value
			case "content-type":
				r.head.ContentType = value
			case "encode":
				r.body = eventStreamOf(body)
			case "want":
				if err := json.Unmarshal([]byte(value), &r.want); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
			default:
				t.Fatalf("%s: unknown field %q", file, key)
			}
		}
		if r.want.Usage == nil {
			t.Fatalf("%s wants nothing", file)
		}
		all = append(all, r)
	}
	return all
}

// scanned reads a body in the given pieces.
func scanned(head Response, clean bool, pieces ...[]byte) Result {
	s := NewScanner(head)
	for _, p := range pieces {
		s.Write(p)
	}
	return s.End(clean)
}

// is compares a result with what a recorded answer says should come of it.
func (want expectation) is(r Result) bool {
	var raw any
	if r.Usage.Raw != nil && json.Unmarshal(r.Usage.Raw, &raw) != nil {
		return false
	}
	r.Usage.Raw = nil
	counts := map[string]*int64{}
	text, _ := json.Marshal(r.Usage)
	_ = json.Unmarshal(text, &counts)
	return reflect.DeepEqual(counts, want.Usage) && reflect.DeepEqual(raw, want.Raw) &&
		r.Model == want.Model && r.Events == want.Events && r.InBandError == want.Error && !r.Truncated && !r.GaveUp
}

func show(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func TestUsageOfEveryProviderIsReadHoweverTheBytesAreSplit(t *testing.T) {
	for _, r := range recordedAnswers(t) {
		t.Run(r.name, func(t *testing.T) {
			whole := scanned(r.head, true, r.body)
			if !r.want.is(whole) {
				t.Fatalf("got\n%s\nwant\n%s", show(whole), show(r.want))
			}
			s := NewScanner(r.head)
			for i := range len(r.body) + 1 {
				s.Reset(r.head)
				s.Write(r.body[:i])
				s.Write(r.body[i:])
				if got := s.End(true); !reflect.DeepEqual(got, whole) {
					t.Fatalf("split at %d: got\n%s\nwant\n%s", i, show(got), show(whole))
				}
			}
			if got := scanned(r.head, true, byteByByte(r.body)...); !reflect.DeepEqual(got, whole) {
				t.Fatalf("byte by byte: got\n%s\nwant\n%s", show(got), show(whole))
			}
		})
	}
}

func TestUsageIsReadUnderEveryCoding(t *testing.T) {
	for _, r := range recordedAnswers(t) {
		for _, c := range codings {
			t.Run(r.name+"/"+c.name, func(t *testing.T) {
				head := r.head
				head.ContentEncoding = c.header
				body := c.encode(t, r.body)
				whole := scanned(head, true, body)
				if !r.want.is(whole) {
					t.Fatalf("got\n%s\nwant\n%s", show(whole), show(r.want))
				}
				step := 7
				switch r.name { // one of each kind at every offset: building a decoder costs
				case "openai-chat-stream", "gemini-stream-array", "bedrock-converse-stream", "ollama-chat-stream":
					step = 1
				}
				s := NewScanner(head)
				for i := 0; i <= len(body); i += step {
					s.Reset(head)
					s.Write(body[:i])
					s.Write(body[i:])
					if got := s.End(true); !reflect.DeepEqual(got, whole) {
						t.Fatalf("split at %d: got\n%s\nwant\n%s", i, show(got), show(whole))
					}
				}
				if got := scanned(head, true, byteByByte(body)...); !reflect.DeepEqual(got, whole) {
					t.Fatalf("byte by byte: got\n%s\nwant\n%s", show(got), show(whole))
				}
			})
		}
	}
}

// Servers flush compressed streams after each event: what has been flushed is
// visible at once, not when the body ends.
func TestCompressedEventsCountAsSoonAsTheyAreFlushed(t *testing.T) {
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			s := NewScanner(Response{Status: 200, ContentType: "text/event-stream", ContentEncoding: c.header})
			defer s.End(false)
			var sent int64
			c.stream(t, func(write func(string), flush func() []byte) {
				for range 3 {
					write("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n")
					s.Write(flush())
					sent++
					if got := s.Progress(); got.Events != sent || got.Output != Known(2) {
						t.Fatalf("after %d events: %+v", sent, got)
					}
				}
			})
		})
	}
}

func byteByByte(b []byte) [][]byte {
	var pieces [][]byte
	for i := range b {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

// eventStreamOf makes Amazon's binary messages of lines "type payload"; "!"
// before the type makes it an exception.
func eventStreamOf(lines string) []byte {
	var out []byte
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		name, payload, _ := strings.Cut(line, " ")
		kind, header := "event", ":event-type"
		if exception, ok := strings.CutPrefix(name, "!"); ok {
			name, kind, header = exception, "exception", ":exception-type"
		}
		out = append(out, eventMessage([]string{header, name, ":content-type", "application/json", ":message-type", kind}, payload)...)
	}
	return out
}

func eventMessage(headers []string, payload string) []byte {
	var h []byte
	for i := 0; i < len(headers); i += 2 {
		h = append(h, byte(len(headers[i])))
		h = append(h, headers[i]...)
		h = append(h, 7)
		h = binary.BigEndian.AppendUint16(h, uint16(len(headers[i+1])))
		h = append(h, headers[i+1]...)
	}
	m := binary.BigEndian.AppendUint32(nil, uint32(preludeLen+len(h)+len(payload)+checksumLen))
	m = binary.BigEndian.AppendUint32(m, uint32(len(h)))
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	m = append(append(m, h...), payload...)
	return binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
}
