package wire

import (
	"bytes"
	"strings"
	"testing"
)

// cleaned is what comes of a chunked stream.
type cleaned struct {
	out, data string
	used      int
	ended     bool
	err       error
}

// clean runs a stream through chunked.clean in pieces, and checks each of
// them: what comes out is the piece's own memory and never longer than it, and
// the data lies in order within.
func clean(t testing.TB, stream, cuts []byte) (r cleaned) {
	t.Helper()
	var c chunked
	for _, piece := range cutInPieces(bytes.Clone(stream), cuts) {
		if r.err != nil || r.ended {
			break
		}
		out, data, used, err := c.clean(piece, nil)
		if len(out) > len(piece) || used > len(piece) || cap(out) != cap(piece) {
			t.Fatalf("%d bytes became %d, of which %d were used", len(piece), len(out), used)
		}
		at := 0
		for _, d := range data {
			from := cap(out) - cap(d) // where d lies in out
			if from < at || from+len(d) > len(out) || len(d) == 0 || &out[from] != &d[0] {
				t.Fatalf("data at %d, %d bytes of it, in an output of %d", from, len(d), len(out))
			}
			at = from + len(d)
			r.data += string(d)
		}
		r.out += string(out)
		r.used += used
		r.err = err
		r.ended = c.state == ended
	}
	return r
}

// wholeBodies are streams that end, what is passed on of them, and their data.
var wholeBodies = []struct{ name, in, out, data string }{
	{"empty", "0\r\n\r\n", "0\r\n\r\n", ""},
	{"one chunk", "5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
	{"chunks", "5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n", "5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n", "hello, world"},
	{"large digits", "A\r\n0123456789\r\n0\r\n\r\n", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
	{"two digits", "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", "abcdefghijklmnopqrstuvwxyz"},
	{"leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "0005\r\nhello\r\n000\r\n\r\n", "hello"},
	{"15 digits", "000000000000005\r\nhello\r\n0\r\n\r\n", "000000000000005\r\nhello\r\n0\r\n\r\n", "hello"},
	{"line ends in the data", "8\r\n\r\n0\r\n\r\n\n\r\n0\r\n\r\n", "8\r\n\r\n0\r\n\r\n\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n\n"},
	{"an extension", "5;a=b\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
	{"extensions everywhere", "5;a\r\nhello\r\n1;b=\"c;d\"\r\n!\r\n0;e\r\n\r\n", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!"},
	{"an extension without a name", "5;\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
	{"a signature", "5;chunk-signature=" + strings.Repeat("0", 64) + "\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
	{"blanks in an extension", "5; a = b\t\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
	{"a trailer", "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
	{"trailers", "0\r\nX-T: 1\r\nContent-Length: 5\r\nempty:\r\n\r\n", "0\r\n\r\n", ""},
	{"both", "2;x\r\nhi\r\n0;y\r\nT: v\r\n\r\n", "2\r\nhi\r\n0\r\n\r\n", "hi"},
}

func TestExtensionsAndTrailersAreDroppedAndNothingElse(t *testing.T) {
	for _, c := range wholeBodies {
		t.Run(c.name, func(t *testing.T) {
			want := cleaned{out: c.out, data: c.data, used: len(c.in), ended: true}
			if got := clean(t, []byte(c.in), nil); got != want {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			if again := clean(t, []byte(c.out), nil); again.out != c.out || again.data != c.data || !again.ended {
				t.Errorf("what was passed on reads as %+v", again)
			}
		})
	}
}

func TestChunkedBodyIsTheSameWhereverItIsCut(t *testing.T) {
	for _, c := range wholeBodies {
		stream := []byte(c.in)
		want := clean(t, stream, nil)
		for i := range len(stream) {
			for j := i + 1; j <= len(stream); j++ {
				if got := clean(t, stream, []byte{byte(i), byte(j - i - 1), 250}); got != want {
					t.Fatalf("%s, cut at %d and %d: got %+v\nwant %+v", c.name, i+1, j+1, got, want)
				}
			}
		}
		if got := clean(t, stream, []byte{0}); got != want {
			t.Fatalf("%s, byte by byte: got %+v\nwant %+v", c.name, got, want)
		}
	}
}

func TestBytesBehindAChunkedBodyAreNotPartOfIt(t *testing.T) {
	const next = "GET /next HTTP/1.1\r\n"
	for _, c := range wholeBodies {
		for _, cuts := range [][]byte{nil, {0}, {6}} {
			got := clean(t, []byte(c.in+next), cuts)
			if !got.ended || got.used != len(c.in) || got.data != c.data || got.out != c.out {
				t.Errorf("%s: %+v", c.name, got)
			}
		}
	}
}

func TestMalformedChunkedBodyIsRefused(t *testing.T) {
	for _, c := range []struct{ name, in, out string }{
		{"no size", "\r\nhello\r\n0\r\n\r\n", ""},
		{"an extension without a size", ";a\r\nhello\r\n", ""},
		{"a word", "five\r\nhello\r\n", "f"},
		{"0x", "0x5\r\nhello\r\n", "0"},
		{"plus", "+5\r\nhello\r\n", ""},
		{"minus", "-5\r\nhello\r\n", ""},
		{"underscore", "0_5\r\nhello\r\n", "0"},
		{"a blank before", " 5\r\nhello\r\n", ""},
		{"a blank behind", "5 \r\nhello\r\n", "5"},
		{"a tab behind", "5\t\r\nhello\r\n", "5"},
		{"a blank before the extension", "5 ;a\r\nhello\r\n", "5"},
		{"comma", "5,5\r\nhello\r\n", "5"},
		{"fullwidth digits", "\xef\xbc\x95\r\nhello\r\n", ""},
		{"16 digits", "0000000000000005\r\nhello\r\n", "000000000000000"},
		{"a negative 64-bit size", "fffffffffffffffb\r\nhello\r\n", "fffffffffffffff"},
		{"zeros without end", strings.Repeat("0", 9000) + "5\r\nhello\r\n", "000000000000000"},
		{"zeros behind a whole chunk", "1\r\nx\r\n0000000000000000\r\n\r\n", "1\r\nx\r\n000000000000000"},

		{"bare LF behind the size", "5\nhello\r\n0\r\n\r\n", "5"},
		{"bare CR behind the size", "5\rhello\r\n0\r\n\r\n", "5\r"},
		{"two CR behind the size", "5\r\r\nhello\r\n0\r\n\r\n", "5\r"},
		{"NUL behind the size", "5\x00\r\nhello\r\n", "5"},

		{"bare LF in the extension", "5;a\nhello\r\n0\r\n\r\n", "5"},
		{"a request in the extension", "5;\nGET /evil HTTP/1.1\r\nhello\r\n0\r\n\r\n", "5"},
		{"bare CR in the extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", "5\r"},
		{"NUL in the extension", "5;\x00\r\nhello\r\n", "5"},

		{"no line end behind the data", "5\r\nhello0\r\n\r\n", "5\r\nhello"},
		{"bare LF behind the data", "5\r\nhello\n0\r\n\r\n", "5\r\nhello"},
		{"bare CR behind the data", "5\r\nhello\r0\r\n\r\n", "5\r\nhello\r"},
		{"a chunk longer than its size", "4\r\nhello\r\n0\r\n\r\n", "4\r\nhell"},

		{"bare LF at the end", "0\r\n\n", "0\r\n"},
		{"bare CR at the end", "0\r\n\rx", "0\r\n\r"},
		{"bare LF behind a trailer", "0\r\nX: y\n\r\n", "0\r\n"},
		{"bare CR behind a trailer", "0\r\nX: y\rz\r\n\r\n", "0\r\n"},
		{"a trailer without a colon", "0\r\nX\r\n\r\n", "0\r\n"},
		{"a trailer without a name", "0\r\n: y\r\n\r\n", "0\r\n"},
		{"a blank in a trailer's name", "0\r\nX : y\r\n\r\n", "0\r\n"},
		{"a folded trailer", "0\r\nX: y\r\n z\r\n\r\n", "0\r\n"},
		{"NUL in a trailer", "0\r\nX: \x00\r\n\r\n", "0\r\n"},
		{"another request for a trailer", "0\r\nGET /evil HTTP/1.1\r\nHost: gw\r\n\r\n", "0\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, cuts := range [][]byte{nil, {0}, {2}} {
				got := clean(t, []byte(c.in), cuts)
				if statusOf(got.err) != 400 || got.ended || got.out != c.out {
					t.Errorf("cuts %v: %+v, want a 400 behind %q", cuts, got, c.out)
				}
			}
		})
	}
}

func TestChunkedBodyThatBreaksOffHasNotEnded(t *testing.T) {
	for _, c := range wholeBodies {
		for i := range len(c.in) {
			if got := clean(t, []byte(c.in[:i]), nil); got.ended || got.err != nil || got.used != i {
				t.Errorf("%s without its last %d bytes: %+v", c.name, len(c.in)-i, got)
			}
		}
	}
}

func TestExtensionsAndTrailersAreBounded(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name, in string
		refused  bool
	}{
		{"the longest size line", "5;" + long(maxChunkLine-2) + "\r\nhello\r\n0\r\n\r\n", false},
		{"one byte more", "5;" + long(maxChunkLine-1) + "\r\nhello\r\n0\r\n\r\n", true},
		{"one digit more", "05;" + long(maxChunkLine-2) + "\r\nhello\r\n0\r\n\r\n", true},
		{"an extension without end", "5;" + long(1<<14), true},
		{"one for each chunk", "1;" + long(3000) + "\r\nx\r\n1;" + long(3000) + "\r\ny\r\n0;" + long(3000) + "\r\n\r\n", false},
		{"the longest trailer", "0\r\na:" + long(maxChunkLine-4) + "\r\n\r\n", false},
		{"one byte more of it", "0\r\na:" + long(maxChunkLine-3) + "\r\n\r\n", true},
		{"a trailer without end", "0\r\na:" + long(1<<14), true},
		{"a name without end", "0\r\n" + long(1<<14), true},
		{"trailers together", "0\r\na:" + long(3000) + "\r\nb:" + long(3000) + "\r\n\r\n", true},
		{"trailers without end", "0\r\n" + strings.Repeat("a:\r\n", 1<<12), true},
		{"an extension is no trailer", "0;" + long(3000) + "\r\na:" + long(3000) + "\r\n\r\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, cuts := range [][]byte{nil, {0}, {99, 250}} {
				got := clean(t, []byte(c.in), cuts)
				if refused := got.err != nil; refused != c.refused || got.ended == c.refused {
					t.Errorf("cuts %v: error %v, ended %v", cuts, got.err, got.ended)
				}
			}
		})
	}
}

func TestHugeChunkIsFollowedWithoutBeingHeld(t *testing.T) {
	var c chunked
	size := "fffffffffffffff\r\n"
	if _, _, _, err := c.clean([]byte(size), nil); err != nil || c.left != 1<<60-1 {
		t.Fatalf("left %d, error %v", c.left, err)
	}
	piece := make([]byte, 1<<16)
	for range 100 {
		out, data, used, err := c.clean(piece, nil)
		if err != nil || len(out) != len(piece) || used != len(piece) || len(data) != 1 || len(data[0]) != len(piece) {
			t.Fatalf("a piece became %d bytes, %d slices, error %v", len(out), len(data), err)
		}
	}
	if want := int64(1<<60 - 1 - 100<<16); c.left != want {
		t.Errorf("left %d, want %d", c.left, want)
	}
}

func TestHexDigitKnowsBothCasesAndNothingElse(t *testing.T) {
	for c := range 256 {
		want := strings.IndexByte("0123456789abcdef", lowerASCII[c])
		if v, ok := HexDigit(byte(c)); ok != (want >= 0) || ok && int(v) != want {
			t.Errorf("byte %#x is %d, %v", c, v, ok)
		}
	}
}
