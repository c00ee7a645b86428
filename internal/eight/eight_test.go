package eight

import (
	"math/rand/v2"
	"testing"
)

// texts yields eight bytes of every kind: each value at each place among like
// ones, which borrow and carry most easily, and many at random.
func texts(yield func([]byte) bool) {
	for _, around := range []byte{0, 1, ' ', '"', '#', 'a', 0x7f, 0x80, 0xff} {
		for at := range 8 {
			for c := range 256 {
				text := make([]byte, 8)
				for i := range text {
					text[i] = around
				}
				text[at] = byte(c)
				if !yield(text) {
					return
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(8, 8))
	near := []byte{0, 1, 0x1f, ' ', '!', '"', '#', '[', '\\', ']', 0x7e, 0x7f, 0x80, 0xfe, 0xff}
	for range 20000 {
		text := make([]byte, 8)
		for i := range text {
			text[i] = near[random.IntN(len(near))]
		}
		if !yield(text) {
			return
		}
	}
}

func TestFirstMarkIsTheFirstByteThatIsFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		marks func(uint64) uint64
		found func(byte) bool
	}{
		{"NUL", func(w uint64) uint64 { return Equal(w, 0) }, func(b byte) bool { return b == 0 }},
		{"quotes", func(w uint64) uint64 { return Equal(w, '"') }, func(b byte) bool { return b == '"' }},
		{"0xff", func(w uint64) uint64 { return Equal(w, 0xff) }, func(b byte) bool { return b == 0xff }},
		{"control characters", func(w uint64) uint64 { return Below(w, ' ') }, func(b byte) bool { return b < ' ' }},
		{"what is not visible", func(w uint64) uint64 { return Below(w, '!') | BeyondASCII(w) }, func(b byte) bool { return b < '!' || b >= 0x7f }},
		{"below the last of ASCII", func(w uint64) uint64 { return Below(w, 0x7f) }, func(b byte) bool { return b < 0x7f }},
		{"beyond ASCII", BeyondASCII, func(b byte) bool { return b >= 0x7f }},
		{"quotes and backslashes", func(w uint64) uint64 { return Equal(w, '"') | Equal(w, '\\') }, func(b byte) bool { return b == '"' || b == '\\' }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for text := range texts {
				want := 0
				for want < 8 && !c.found(text[want]) {
					want++
				}
				if got := Before(c.marks(Of(text))); got != want {
					t.Fatalf("in %q %d bytes come before the first mark, want %d", text, got, want)
				}
			}
		})
	}
}

func TestFirstByteIsLowestInTextAndBytesAlike(t *testing.T) {
	const text = "\x01\x02\x03\x04\x05\x06\x07\xf8 and more"
	if a, b := Of(text), Of([]byte(text)); a != 0xf807060504030201 || b != a {
		t.Errorf("got %#x and %#x", a, b)
	}
}

func TestFewerThanEightBytesPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("seven bytes are read as eight")
		}
	}()
	Of([]byte("and one more")[:7])
}
