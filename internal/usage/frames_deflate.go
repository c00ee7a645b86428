package usage

import (
	"compress/flate"
	"io"
	"strings"
)

// packedBit marks a compressed message, in the head of its first frame (RFC
// 7692 section 6).
const packedBit = 0x40

// deflateTail is what a sender takes off each message (7.2.1).
var deflateTail = []byte{0, 0, 0xff, 0xff}

// isDeflate reports that permessage-deflate is what both sides agreed upon, and
// nothing else. Its parameters do not matter for reading: to start a window
// anew for each message is not to look back, and a smaller one is a part of
// the largest.
func isDeflate(extensions string) bool {
	name, _, _ := strings.Cut(extensions, ";")
	return strings.EqualFold(strings.Trim(name, " \t"), "permessage-deflate") && !strings.Contains(extensions, ",")
}

// payload takes a piece of a message.
func (f *Frames) payload(p []byte) {
	if !f.packed {
		f.answer.feed(p)
		return
	}
	if f.inflate == nil {
		f.inflate = new(decoder)
		f.inflate.start(messageDeflate, f.answer.feed)
	}
	f.gaveUp = !f.inflate.write(p) || f.gaveUp
}

// messages inflates one message after another as the one stream that they are,
// and goes on where a block says that it is the last (7.2.3.4).
type messages struct {
	in *decoder
	io.ReadCloser
}

func newMessages(in *decoder) messages { return messages{in, flate.NewReader(in)} }

func (m messages) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if err == io.EOF {
		err = m.ReadCloser.(flate.Resetter).Reset(m.in, nil)
	}
	return n, err
}
