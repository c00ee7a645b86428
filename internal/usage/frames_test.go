package usage

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

const (
	opContinue = 0
	opText     = 1
	opBinary   = 2
	opClose    = 8
	opPing     = 9
)

// frame is one from a server: not masked.
func frame(final bool, opcode byte, payload string) []byte {
	if final {
		opcode |= 0x80
	}
	f := []byte{opcode}
	switch n := len(payload); {
	case n < 126:
		f = append(f, byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 127), uint64(n))
	}
	return append(f, payload...)
}

func framed(pieces ...[]byte) Result {
	f := NewFrames("")
	for _, p := range pieces {
		f.Write(p)
	}
	return f.End()
}

func TestSessionSumsItsResponsesHoweverTheFramesAreSplit(t *testing.T) {
	files, _ := filepath.Glob("testdata/sessions/*.txt")
	if len(files) < 3 {
		t.Fatal("no recorded sessions")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(string(text), "\n\n")
		var want, model, events string
		for line := range strings.SplitSeq(head, "\n") {
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "want":
				want = value
			case "model":
				model = value
			case "events":
				events = value
			}
		}
		for name, opcode := range map[string]byte{"text": opText, "binary": opBinary} { // Gemini Live sends binary
			var whole, fragmented []byte
			for line := range strings.Lines(body) {
				line = strings.TrimSpace(line)
				whole = append(whole, frame(true, opcode, line)...)
				third := len(line) / 3
				fragmented = append(fragmented, frame(false, opcode, line[:third])...)
				fragmented = append(fragmented, frame(true, opPing, `{"usageMetadata":{"promptTokenCount":1}}`)...)
				fragmented = append(fragmented, frame(false, opContinue, line[third:2*third])...)
				fragmented = append(fragmented, frame(false, opContinue, "")...)
				fragmented = append(fragmented, frame(true, opContinue, line[2*third:])...)
			}
			t.Run(filepath.Base(file)+"/"+name, func(t *testing.T) {
				first := framed(whole)
				raw := first.Usage.Raw
				counts := first.Usage
				counts.Raw = nil
				if got := show(counts); got != strings.ReplaceAll(want, " ", "") || first.Model != model || strconv.FormatInt(first.Events, 10) != events || first.Truncated || first.GaveUp || !json.Valid(raw) {
					t.Fatalf("got %s", show(first))
				}
				for i := range whole {
					if got := framed(whole[:i], whole[i:]); !reflect.DeepEqual(got, first) {
						t.Fatalf("split at %d: %s", i, show(got))
					}
				}
				for i := range fragmented {
					if got := framed(fragmented[:i], fragmented[i:]); !reflect.DeepEqual(got, first) {
						t.Fatalf("fragmented, split at %d: %s", i, show(got))
					}
				}
				if got := framed(byteByByte(fragmented)...); !reflect.DeepEqual(got, first) {
					t.Fatalf("fragmented, byte by byte: %s", show(got))
				}
			})
		}
	}
}

func TestLongFramesAreReadAsTheyPass(t *testing.T) {
	for _, size := range []int{125, 126, 65535, 65536, 1 << 20} {
		pad := strings.Repeat("x", size)
		done := `{"type":"response.done","pad":"` + pad + `","response":{"usage":{"input_tokens":2,"output_tokens":3}}}`
		got := framed(frame(true, opText, pad), frame(true, opText, done), frame(true, opClose, "\x03\xe8"), frame(true, opText, done))
		if got.Usage.Total != Known(5) || got.Events != 2 {
			t.Errorf("%d: %s", size, show(got))
		}
	}
}

func TestFramesThatCannotBeReadAreUnknown(t *testing.T) {
	done := frame(true, opText, `{"type":"response.done","response":{"usage":{"input_tokens":2,"output_tokens":3}}}`)
	for _, extension := range []string{"x-other", "permessage-deflate, x-other", "x-permessage-deflate"} {
		extended := NewFrames(extension)
		extended.Write(done)
		if r := extended.End(); !r.GaveUp || !reflect.DeepEqual(r.Usage, Usage{}) {
			t.Errorf("%s: %s", extension, show(r))
		}
	}
	for name, bad := range map[string][]byte{
		"reserved bit":            {0xC1, 0},
		"masked":                  {0x81, 0x80, 1, 2, 3, 4},
		"reserved opcode":         {0x83, 0},
		"reserved control":        {0x8B, 0},
		"fragmented control":      {0x09, 0},
		"long control":            frame(true, opPing, strings.Repeat("x", 126)),
		"continues nothing":       {0x80, 0},
		"message within another":  append(frame(false, opText, "{"), frame(true, opText, "{}")...),
		"length beyond all sense": {0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0},
	} {
		if got := framed(done, bad, done); !got.GaveUp || !reflect.DeepEqual(got.Usage, Usage{}) {
			t.Errorf("%s: %s", name, show(got))
		}
	}
}

func TestSessionProgressIsItsSum(t *testing.T) {
	f := NewFrames("")
	for i := int64(1); i < 4; i++ {
		f.Write(frame(true, opText, `{"type":"response.output_text.delta","delta":"x"}`))
		f.Write(frame(true, opText, `{"type":"response.done","response":{"usage":{"output_tokens":3}}}`))
		if p := f.Progress(); p != (Progress{Events: 2 * i, Output: Known(3 * i)}) {
			t.Errorf("after %d answers: %+v", i, p)
		}
	}
	f.Reset("")
	if p := f.Progress(); p != (Progress{}) {
		t.Errorf("used again: %+v", p)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(frame(true, opText, `{"type":"response.done","response":{"usage":{"input_tokens":2,"output_tokens":3}}}`), uint8(3))
	f.Add(append(frame(false, opBinary, `{"serverContent":{"turnComplete":true},`), frame(true, opContinue, `"usageMetadata":{"promptTokenCount":2}}`)...), uint8(5))
	f.Add(append(frame(true, opPing, "x"), frame(true, opClose, "")...), uint8(1))
	f.Fuzz(func(t *testing.T, body []byte, size uint8) {
		whole := framed(body)
		var pieces [][]byte
		for rest := body; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		if got := framed(pieces...); !reflect.DeepEqual(got, whole) {
			t.Fatalf("in pieces: %s, whole: %s", show(got), show(whole))
		}
	})
}
