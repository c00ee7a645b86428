package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

const plainHead = "GET /v1/models HTTP/1.1\r\nHost: gw\r\nX-A: b\r\n\r\n"

func TestHeadIsFoundWhereverTheBytesAreCut(t *testing.T) {
	const stream = plainHead + "and more"
	for i := range len(stream) {
		for j := i; j < len(stream); j += 3 {
			c := connOf([]byte(stream[:i]), []byte(stream[i:j]), []byte(stream[j:]))
			head, err := nextHead(c, MaxRequestHead)
			if err != nil || string(head) != plainHead {
				t.Fatalf("cut at %d and %d: head %q, error %v", i, j, head, err)
			}
			for c.Fill() != io.EOF {
			}
			if rest := string(c.Take()); rest != "and more" {
				t.Fatalf("cut at %d and %d: %q is left behind the head", i, j, rest)
			}
		}
	}
}

func TestHeadLargerThanItsLimitIsA431(t *testing.T) {
	for _, limit := range []int{64, MaxRequestHead} {
		fill := func(n int) string {
			const start, end = "GET / HTTP/1.1\r\nHost: gw\r\nX: ", "\r\n\r\n"
			return start + strings.Repeat("a", n-len(start)-len(end)) + end
		}
		for _, c := range []struct {
			name   string
			stream string
			status int
		}{
			{"as large as may be", fill(limit), 0},
			{"one byte more", fill(limit + 1), 431},
			{"no end at all", strings.Repeat("a", 2*limit), 431},
			{"a bare LF past the limit", strings.Repeat("a", limit) + "\n", 431},
			{"a bare LF at the limit", strings.Repeat("a", limit-1) + "\n", 400},
		} {
			for cut, pieces := range map[string][][]byte{
				"whole":    {[]byte(c.stream)},
				"bytes":    cutInPieces([]byte(c.stream), []byte{0}),
				"segments": cutInPieces([]byte(c.stream), []byte{250, 99, 7}),
			} {
				head, err := nextHead(connOf(pieces...), limit)
				if got := statusOf(err); got != c.status {
					t.Errorf("limit %d, %s, %s: status %d (%v), want %d", limit, c.name, cut, got, err, c.status)
				}
				if c.status == 0 && string(head) != c.stream {
					t.Errorf("limit %d, %s, %s: a head of %d bytes, want %d", limit, c.name, cut, len(head), len(c.stream))
				}
			}
		}
	}
}

func TestLineEndOtherThanCRLFIsA400(t *testing.T) {
	for _, head := range []string{
		"\n",
		"GET / HTTP/1.1\nHost: gw\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: gw\n\r\n",
		"GET / HTTP/1.1\r\nHost: gw\r\n\n",
		"GET / HTTP/1.1\r\nHost: gw\n\n",
	} {
		if _, err := nextHead(connOf([]byte(head)), MaxRequestHead); statusOf(err) != 400 {
			t.Errorf("%q: error %v, want a 400", head, err)
		}
	}
}

func TestOneBlankLineBeforeARequestIsSkipped(t *testing.T) {
	for _, cut := range []int{0, 1, 2, 3} {
		stream := "\r\n" + plainHead
		c := connOf([]byte(stream[:cut]), []byte(stream[cut:]))
		var head []byte
		for head == nil {
			if c.Fill() != nil {
				t.Fatal("the head was not found")
			}
			c.SkipBlankLine()
			head, _ = c.FindHead(MaxRequestHead)
		}
		if string(head) != plainHead {
			t.Errorf("cut at %d: head %q", cut, head)
		}
	}
}

func TestPipelinedHeadsAreFoundOneByOne(t *testing.T) {
	heads := []string{plainHead, "HEAD /2 HTTP/1.1\r\nHost: b\r\n\r\n", "GET /3 HTTP/1.0\r\n\r\n"}
	stream := []byte(strings.Join(heads, ""))
	for _, cuts := range [][]byte{nil, {0}, {3}, {30, 1}} {
		c := connOf(cutInPieces(bytes.Clone(stream), cuts)...)
		for i, want := range heads {
			if head, err := nextHead(c, MaxRequestHead); err != nil || string(head) != want {
				t.Fatalf("cuts %v, head %d: %q, error %v", cuts, i, head, err)
			}
		}
	}
}

func TestHeadAcrossTheEndOfTheBufferStaysWhole(t *testing.T) {
	c := connOf([]byte(strings.Repeat(plainHead, 1000)))
	for i := range 1000 {
		if head, err := nextHead(c, MaxRequestHead); err != nil || string(head) != plainHead {
			t.Fatalf("head %d: %q, error %v", i, head, err)
		}
		if n := len(c.buf.b); n > bulkSize {
			t.Fatalf("the buffer has grown to %d bytes", n)
		}
	}
}

func TestBareLFBehindTheBlankLineIsA400(t *testing.T) {
	stream := "\r\n\n" + plainHead
	for cut := range 4 {
		c := connOf([]byte(stream[:cut]), []byte(stream[cut:]))
		var err error
		for err == nil {
			err = c.Fill()
			c.SkipBlankLine()
			if err == nil {
				_, err = c.FindHead(MaxRequestHead)
			}
		}
		if statusOf(err) != 400 {
			t.Errorf("cut at %d: error %v, want a 400", cut, err)
		}
	}
}

// statusOf is the status of a wire Error, 0 for none, -1 for another error.
func statusOf(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := err.(*Error); ok {
		return e.Status
	}
	return -1
}
