package usage

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// deflater compresses messages as RFC 7692 section 7.2.1 says.
type deflater struct {
	out bytes.Buffer
	w   *flate.Writer
}

func newDeflater() *deflater {
	d := new(deflater)
	d.w, _ = flate.NewWriter(&d.out, flate.BestCompression)
	return d
}

// message is one compressed against those before it.
func (d *deflater) message(text string) string {
	d.out.Reset()
	d.w.Write([]byte(text))
	d.w.Flush()
	return strings.TrimSuffix(d.out.String(), "\x00\x00\xff\xff")
}

// last is one whose block says that it is the last (7.2.3.4).
func (d *deflater) last(text string) string {
	d.out.Reset()
	d.w.Reset(&d.out)
	d.w.Write([]byte(text))
	d.w.Close()
	d.w.Reset(&d.out)
	return d.out.String() + "\x00"
}

// What clients and servers of WebSockets agree upon by default is decoded.
func TestCompressedMessagesCountHoweverTheyAreSplit(t *testing.T) {
	const (
		opening = `{"type":"session.created","session":{"model":"gpt-realtime"}}`
		done    = `{"type":"response.done","response":{"usage":{"input_tokens":20,"output_tokens":3,"input_token_details":{"cached_tokens":5}}}}`
		aside   = `{"type":"conversation.item.input_audio_transcription.completed","usage":{"input_tokens":999}}`
	)
	taking, fresh := newDeflater(), newDeflater()
	again := func(text string) string { fresh.w.Reset(&fresh.out); return fresh.message(text) }
	var sessions = map[string][]byte{}
	for name, pack := range map[string]func(string) string{"with the window kept": taking.message, "with a window each": again, "with final blocks": newDeflater().last} {
		var s []byte
		s = append(s, frame(true, opText|packedBit, pack(opening))...)
		s = append(s, frame(true, opText|packedBit, pack(done))...)
		s = append(s, frame(true, opText, done)...) // need not be compressed
		s = append(s, frame(true, opText|packedBit, pack(aside))...)
		p := pack(done)
		s = append(s, frame(false, opBinary|packedBit, p[:1])...)
		s = append(s, frame(true, opPing, "not compressed")...)
		s = append(s, frame(false, opContinue, p[1:3])...)
		s = append(s, frame(true, opContinue, p[3:])...)
		sessions[name] = append(s, frame(true, opClose, "\x03\xe8")...)
	}
	want := Usage{InputUncached: Known(45), CacheRead: Known(15), Output: Known(9), Total: Known(69)}
	for name, s := range sessions {
		read := func(pieces ...[]byte) Result {
			f := NewFrames("permessage-deflate; server_max_window_bits=15")
			for _, p := range pieces {
				f.Write(p)
			}
			r := f.End()
			r.Usage.Raw = nil
			return r
		}
		first := read(s)
		if !reflect.DeepEqual(first.Usage, want) || first.Model != "gpt-realtime" || first.Events != 5 || first.GaveUp {
			t.Fatalf("%s: got %s", name, show(first))
		}
		for i := range s {
			if got := read(s[:i], s[i:]); !reflect.DeepEqual(got, first) {
				t.Fatalf("%s, split at %d: %s", name, i, show(got))
			}
		}
		if got := read(byteByByte(s)...); !reflect.DeepEqual(got, first) {
			t.Fatalf("%s, byte by byte: %s", name, show(got))
		}
	}
}

func TestCompressedMessagesThatCannotBeReadAreUnknown(t *testing.T) {
	done := newDeflater().message(`{"type":"response.done","response":{"usage":{"output_tokens":3}}}`)
	bomb := newDeflater().message(strings.Repeat("x", 64<<20))
	for name, s := range map[string][]byte{
		"no deflate":       frame(true, opText|packedBit, "\xff\xff\xff"),
		"a later fragment": append(frame(false, opText|packedBit, done), frame(true, opContinue|packedBit, "")...),
		"a control frame":  frame(true, opPing|packedBit, ""),
		"another bit":      frame(true, opText|0x20, done),
		"a bomb":           frame(true, opText|packedBit, bomb),
	} {
		f := NewFrames("permessage-deflate")
		f.Write(frame(true, opText|packedBit, done))
		f.Write(s)
		if r := f.End(); !r.GaveUp || !reflect.DeepEqual(r.Usage, Usage{}) {
			t.Errorf("%s: %s", name, show(r))
		}
	}
}

// A session is used again for one that agreed upon nothing, and the other way round.
func TestFramesUsedAgainKnowNothingOfTheLastSession(t *testing.T) {
	const done = `{"type":"response.done","response":{"usage":{"output_tokens":3}}}`
	f := NewFrames("")
	for range 3 {
		f.Reset("permessage-deflate")
		f.Write(frame(true, opText|packedBit, newDeflater().message(done)))
		f.Write(frame(false, opText|packedBit, newDeflater().message(done)[:5]))
		if r := f.End(); r.Usage.Output != Known(3) {
			t.Fatalf("compressed: %s", show(r))
		}
		f.Reset("")
		f.Write(frame(true, opText, done))
		if r := f.End(); r.Usage.Output != Known(3) {
			t.Fatalf("plain: %s", show(r))
		}
	}
}

func FuzzCompressedFrames(f *testing.F) {
	f.Add(frame(true, opText|packedBit, newDeflater().message(`{"type":"response.done","response":{"usage":{"output_tokens":3}}}`)), uint8(3))
	f.Add(binary.BigEndian.AppendUint16([]byte{0xC1, 126}, 3), uint8(1))
	f.Fuzz(func(t *testing.T, body []byte, size uint8) {
		read := func(size int) Result {
			f := NewFrames("permessage-deflate")
			for rest := body; len(rest) > 0; {
				n := min(size, len(rest))
				f.Write(rest[:n])
				rest = rest[n:]
			}
			return f.End()
		}
		// What is a bomb depends on the pieces that it comes in.
		if whole, pieces := read(len(body)), read(int(size)+1); !whole.GaveUp && !reflect.DeepEqual(pieces, whole) {
			t.Fatalf("in pieces: %s, whole: %s", show(pieces), show(whole))
		}
	})
}
