package simulate

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

var decoders = map[string]func(io.Reader) (io.Reader, error){
	"gzip":    func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"deflate": func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
	"br":      func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	"zstd":    func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
}

func TestPlainAnswerIsCompressed(t *testing.T) {
	server := start(t, Options{})
	for _, coding := range encodings {
		res := ask(t, server.URL()+"/v1/chat/completions?sim_size=5000&sim_encoding="+coding, chatBody)
		z, err := decoders[coding](res.Body)
		if err != nil {
			t.Fatal(coding, err)
		}
		if body, err := io.ReadAll(z); err != nil || len(body) != 5000 || res.Header.Get("Content-Encoding") != coding {
			t.Errorf("%s: %d bytes of %q, %v", coding, len(body), res.Header.Get("Content-Encoding"), err)
		}
	}
}

// The next event is let go only when the one before it has been read.
func TestCompressedEventsLeaveOneByOne(t *testing.T) {
	s := streams[0]
	for _, coding := range encodings {
		gate := make(chan struct{}, 1)
		server := start(t, Options{Gate: gate})
		res := ask(t, server.URL()+s.path, s.body, "X-Sim-Encoding", coding, "X-Sim-Tokens", "3")
		gate <- struct{}{}
		z, err := decoders[coding](res.Body)
		if err != nil {
			t.Fatal(coding, err)
		}
		r := bufio.NewReader(z)
		for range 5 { // the role, three tokens, the reason
			if _, err := s.next(r); err != nil {
				t.Fatal(coding, err)
			}
			gate <- struct{}{}
		}
		if rest, err := io.ReadAll(r); err != nil || string(rest) != "data: [DONE]\n\n" {
			t.Errorf("%s: it ended with %q, %v", coding, rest, err)
		}
	}
}
