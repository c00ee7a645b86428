package usage

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const usageSent = `{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":8},"x":[1,"a\u00e9",null]}`

func FuzzWhatIsReadableIsReadByTheLibrary(f *testing.F) {
	for _, seed := range []string{
		usageSent, "", " ", "{}", "[ ]", `{"a":}`, `{"a":1,}`, `[1,]`, `{a:1}`, `"\ud800"`, `"\udc00"`, `"\ud83d\ude00"`, `"\ud83dx"`, `"\ud83d\n"`, `"\ud83d\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\uDE00\uFFFD\\\ud83d"`, `"\x"`, `"\u12g4"`, "\"\x01\"", "\"\xff\"",
		"0", "-0", "-", "00", "01", "1.", ".5", "1e", "1e+", "1E-7", "1.0e5", "+1", "tru", "nullx", "true false", "[1 2]", `{"a" 1}`, `{"a":1 "b":2}`,
		"1e308", "-1e309", "1e-999", "[1e999]", strings.Repeat("9", 308), strings.Repeat("9", 309), "0." + strings.Repeat("9", 400), strings.Repeat("9", 400) + "e-200",
		nested(31), nested(32), nested(33), strings.Repeat("[", 33) + strings.Repeat("]", 32), strings.Repeat(`{"a":`, 32) + "1" + strings.Repeat("}", 32),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var value any
		want := json.Unmarshal(b, &value) == nil && levels(b) <= 32 && !halfPair(b)
		if got := readable(b); got != want {
			t.Errorf("%q: readable %v, want %v", b, got, want)
		}
	})
}

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

// levels is how deep the brackets of JSON nest.
func levels(b []byte) (most int) {
	depth, tokens := 0, json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := tokens.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
			most = max(most, depth)
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
}

// halfPair: valid JSON escapes half a surrogate pair.
func halfPair(b []byte) bool {
	pairs := regexp.MustCompile(`\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..|\\.`)
	for _, escape := range pairs.FindAllString(string(b), -1) {
		if len(escape) == len(`\ud800`) {
			return true
		}
	}
	return false
}

// Figures are kept of a usage object that no reader could take, and the object
// is not, so that it does not cost the log its line.
func TestWhatIsNotReadableIsNotKept(t *testing.T) {
	const plain = `"prompt_tokens":9,"completion_tokens":4`
	want := Usage{InputUncached: Known(9), Output: Known(4), Total: Known(13)}
	for _, unreadable := range []string{"1e999", "-" + strings.Repeat("9", 400), nested(32), `"\ud83d"`} {
		for _, c := range []struct {
			head Response
			body string
			raw  string
		}{
			{jsonHead, `{"usage":{` + plain + `,"x":` + unreadable + `}}`, ""},
			{sseHead, `data: {"usage":{"x":` + unreadable + `}}` + "\n\n" + `data: {"usage":{` + plain + `}}` + "\n\ndata: [DONE]\n\n", `{` + plain + `}`},
		} {
			got := answers(t, c.head, c.body).Usage
			if string(got.Raw) != c.raw {
				t.Errorf("of %s, %q is kept", c.body, got.Raw)
			}
			got.Raw = nil
			if !reflect.DeepEqual(got, want) {
				t.Errorf("of %s: got %s, want %s", c.body, show(got), show(want))
			}
		}
	}
}

func TestEveryByteOfAStringIsChecked(t *testing.T) {
	for at := range 17 {
		for c := range 256 {
			text := []byte(`"seventeen letters"`)
			text[at+1] = byte(c)
			if got, want := readable(text), json.Valid(text); got != want {
				t.Errorf("%q: readable %v, the library says %v", text, got, want)
			}
		}
	}
}

func BenchmarkReadable(b *testing.B) {
	text := []byte(usageSent)
	b.Run("here", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			readable(text)
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			json.Valid(text)
		}
	})
}
