package simulate

import (
	"compress/gzip"
	"compress/zlib"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

var encodings = []string{"gzip", "deflate", "br", "zstd"}

// encoder compresses a body on its way; Flush lets out all that was written.
type encoder interface {
	io.WriteCloser
	Flush() error
}

// newEncoder is the encoder of a content coding, with a window small enough for
// many streams at once.
func newEncoder(w io.Writer, coding string) encoder {
	switch coding {
	case "gzip":
		return gzip.NewWriter(w)
	case "deflate": // which is the zlib format: RFC 9110, section 8.4.1.2
		return zlib.NewWriter(w)
	case "br":
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: 4, LGWin: 16})
	case "zstd":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic("simulate: zstd: " + err.Error()) // the options are ours
		}
		return z
	}
	return identity{w}
}

type identity struct{ io.Writer }

func (identity) Flush() error { return nil }
func (identity) Close() error { return nil }
