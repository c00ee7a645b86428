package usage

import (
	"encoding/json"
	"strings"
	"testing"
)

const usageSent = `{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":8},"x":[1,"a\u00e9",null]}`

func FuzzValidAgreesWithTheLibrary(f *testing.F) {
	for _, seed := range []string{
		usageSent, "", " ", "{}", "[ ]", `{"a":}`, `{"a":1,}`, `[1,]`, `{a:1}`, `"\ud800"`, `"\x"`, `"\u12g4"`, "\"\x01\"", "\"\xff\"",
		"0", "-0", "-", "00", "01", "1.", ".5", "1e", "1e+", "1E-7", "1.0e5", "+1", "tru", "nullx", "true false", "[1 2]", `{"a" 1}`, `{"a":1 "b":2}`,
		strings.Repeat("[", 15) + strings.Repeat("]", 15), strings.Repeat("[", 16) + strings.Repeat("]", 16),
		strings.Repeat("[", 17) + strings.Repeat("]", 17), strings.Repeat("[", 17) + strings.Repeat("]", 16),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := valid(b), json.Valid(b); got != want {
			t.Errorf("%q: valid %v, the library says %v", b, got, want)
		}
	})
}

func TestEveryByteOfAStringIsChecked(t *testing.T) {
	for at := range 17 {
		for c := range 256 {
			text := []byte(`"seventeen letters"`)
			text[at+1] = byte(c)
			if got, want := valid(text), json.Valid(text); got != want {
				t.Errorf("%q: valid %v, the library says %v", text, got, want)
			}
		}
	}
}

func BenchmarkValid(b *testing.B) {
	text := []byte(usageSent)
	b.Run("here", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			valid(text)
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			json.Valid(text)
		}
	})
}
