package soak

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// body is the bytes of one body, which depend on its key and their place
// alone: any that is lost, doubled, swapped or somebody else's shows. They look
// like server-sent events.
type body struct {
	key uint64
	at  int64
}

const line = 64 // bytes of an event: "data: ", 56 letters, an empty line

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// next fills p with what comes next.
func (b *body) next(p []byte) {
	for i := range p {
		switch at := b.at % line; {
		case at < 6:
			p[i] = "data: "[at]
		case at >= line-2:
			p[i] = '\n'
		default:
			p[i] = letters[mix(b.key+uint64(b.at/8)*0x9e3779b97f4a7c15)>>(8*(b.at%8))&63]
		}
		b.at++
	}
}

// mix spreads a number over all bits (the last step of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// take checks that p is what comes next.
func (b *body) take(p []byte) error {
	began := b.at
	want := make([]byte, len(p))
	b.next(want)
	if bytes.Equal(p, want) {
		return nil
	}
	i := 0
	for p[i] == want[i] {
		i++
	}
	return fmt.Errorf("byte %d is not the one that was sent: got %.70q, want %.70q", began+int64(i), p[i:], want[i:])
}

// reader reads n bytes of a body.
func (b *body) reader(n int64) io.Reader { return &bodyReader{b, n} }

type bodyReader struct {
	b    *body
	left int64
}

func (r *bodyReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.left)]
	r.b.next(p)
	r.left -= int64(len(p))
	return len(p), nil
}

func TestBodiesShowWhateverHappensToTheirBytes(t *testing.T) {
	sent := make([]byte, 1000)
	(&body{key: 7}).next(sent)
	for name, got := range map[string][]byte{
		"lost":         append(bytes.Clone(sent[:300]), sent[301:]...),
		"doubled":      append(bytes.Clone(sent[:301]), sent[300:]...),
		"a lost event": append(bytes.Clone(sent[:line]), sent[2*line:]...),
		"another's": func() []byte {
			other := make([]byte, 1000)
			(&body{key: 8}).next(other)
			return append(bytes.Clone(sent[:500]), other[500:]...)
		}(),
	} {
		if err := (&body{key: 7}).take(got); err == nil {
			t.Errorf("%s: not seen", name)
		}
	}
	b := &body{key: 7}
	for _, piece := range [][]byte{sent[:1], sent[1:13], sent[13:999], sent[999:]} {
		if err := b.take(piece); err != nil {
			t.Error(err)
		}
	}
}
