package wire

import (
	"slices"
	"strings"
	"testing"
)

// FuzzChunked holds that a chunked body is the same wherever it is cut, is the
// same as net/http reads where wire accepts it, and that what is passed on of
// it is a chunked body with the same data and nothing to drop.
func FuzzChunked(f *testing.F) {
	for _, c := range wholeBodies {
		f.Add([]byte(c.in+hidden), []byte{0})
		f.Add([]byte(c.in), []byte{3, 1})
	}
	for _, s := range smuggling() {
		if _, body, ok := strings.Cut(s, "Transfer-Encoding: chunked\r\n\r\n"); ok {
			f.Add([]byte(body), []byte{1})
		}
	}
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		whole := clean(t, stream, nil)
		if cut := clean(t, stream, cuts); cut != whole {
			t.Fatalf("%q\nwhole %+v\ncut   %+v", stream, whole, cut)
		}
		again := clean(t, []byte(whole.out), cuts)
		if again.err != nil || again.out != whole.out || again.data != whole.data || again.ended != whole.ended {
			t.Fatalf("%q became %q, which reads as %+v", stream, whole.out, again)
		}
		if whole.err != nil {
			return
		}
		head := []byte("POST / HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n")
		theirs, _, err := goRequest(slices.Concat(head, stream))
		if isTooMuchOverhead(err) {
			return
		}
		if err != nil || theirs.truncated == whole.ended {
			t.Fatalf("%q: wire %+v, net/http %+v, error %v", stream, whole, theirs, err)
		}
		if theirs.body != whole.data {
			t.Fatalf("%q: wire read %q, net/http %q", stream, whole.data, theirs.body)
		}
		if whole.ended && theirs.rest != string(stream[whole.used:]) {
			t.Fatalf("%q: wire leaves %q, net/http %q", stream, stream[whole.used:], theirs.rest)
		}
	})
}
