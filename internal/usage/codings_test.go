package usage

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

type flushCloser interface {
	io.WriteCloser
	Flush() error
}

// A testCoding compresses, as servers do: with a flush after each event.
type testCoding struct {
	name, header string
	open         func(io.Writer) flushCloser
}

var codings = []testCoding{
	{"gzip", "gzip", func(w io.Writer) flushCloser { return gzip.NewWriter(w) }},
	{"zlib", "deflate", func(w io.Writer) flushCloser { return zlib.NewWriter(w) }},
	{"raw-deflate", "Deflate", func(w io.Writer) flushCloser { f, _ := flate.NewWriter(w, 6); return f }},
	{"br", "br", func(w io.Writer) flushCloser { return brotli.NewWriter(w) }},
	{"zstd", " zstd", func(w io.Writer) flushCloser {
		z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<17))
		return z
	}},
}

func (c testCoding) encode(t testing.TB, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := c.open(&out)
	for len(body) > 0 { // flushed somewhere within
		n := min(len(body), 300)
		if _, err := w.Write(body[:n]); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		body = body[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (c testCoding) stream(t testing.TB, use func(write func(string), flush func() []byte)) {
	t.Helper()
	var out bytes.Buffer
	w := c.open(&out)
	use(func(s string) { io.WriteString(w, s) }, func() []byte {
		w.Flush()
		piece := bytes.Clone(out.Bytes())
		out.Reset()
		return piece
	})
	w.Close()
}
