package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// FuzzHeadSplit holds that a head, or the error in its place, is the same
// wherever the bytes are cut and whatever the limit, and that what is behind
// it stays.
func FuzzHeadSplit(f *testing.F) {
	for _, s := range smuggling() {
		f.Add([]byte(s), []byte{0}, uint16(1000))
		f.Add([]byte(s), []byte{7, 1}, uint16(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, stream, cuts []byte, limit uint16) {
		read := func(pieces [][]byte) (head, rest string, err error) {
			c := connOf(pieces...)
			b, err := nextHead(c, int(limit))
			if err != nil {
				return "", "", err
			}
			head = string(b)
			for c.Fill() == nil {
			}
			return head, string(c.Unread()), nil
		}
		head, rest, err := read([][]byte{bytes.Clone(stream)})
		cutHead, cutRest, cutErr := read(cutInPieces(bytes.Clone(stream), cuts))
		if head != cutHead || rest != cutRest || err != cutErr {
			t.Fatalf("%q with limit %d\nwhole %q, %q, %v\ncut   %q, %q, %v", stream, limit, head, rest, err, cutHead, cutRest, cutErr)
		}
		if err == nil && (head+rest != string(stream) || len(head) > int(limit) || !strings.HasSuffix(head, "\r\n")) {
			t.Fatalf("%q became %q and %q", stream, head, rest)
		}
		if err == io.EOF && bytes.Contains(stream[:min(len(stream), int(limit))], []byte("\r\n\r\n")) {
			t.Fatalf("the head of %q was not found", stream)
		}
	})
}
