package usage

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	preludeLen   = 12       // total length, headers' length, checksum of the two
	checksumLen  = 4        // at a message's end
	headersMax   = 4 << 10  // headers that are looked at; more are passed over
	messageLimit = 24 << 20 // the format's own limit is 16 MiB of payload and 128 KiB of headers
)

// eventStream takes Amazon's binary event stream apart
// (application/vnd.amazon.eventstream, as Bedrock's ConverseStream sends it:
// smithy.io, "Event Stream Specification"). A message is a prelude, headers, a
// payload (here JSON) and a checksum. The payload goes to the answer as it comes.
//
// The prelude's checksum is verified, since a wrong length would read text as
// structure. The message's is not: it comes after the payload has been read.
// Payloads that InvokeModel wraps in base64 are not looked into.
type eventStream struct {
	part    messagePart
	left    int    // bytes left of it
	buf     []byte // the prelude or the headers, as far as they are looked at
	payload int    // bytes of payload to come
	lost    bool
}

type messagePart uint8

const (
	checksum messagePart = iota // also: before the first message
	prelude
	headers
	payload
)

func (s *eventStream) reset() { *s = eventStream{buf: s.buf[:0]} }

// read takes a piece, and reports whether it could be followed.
func (s *eventStream) read(p []byte, a *answer) bool {
	for {
		for s.left == 0 && !s.lost {
			s.advance(a)
		}
		if len(p) == 0 || s.lost {
			return !s.lost
		}
		n := min(s.left, len(p))
		switch s.part {
		case prelude, headers:
			s.buf = append(s.buf, p[:min(n, headersMax-len(s.buf))]...)
		case payload:
			a.feed(p[:n])
		}
		s.left -= n
		p = p[n:]
	}
}

// advance ends a part and begins the next.
func (s *eventStream) advance(a *answer) {
	switch s.part {
	case checksum:
		s.part, s.left = prelude, preludeLen
	case prelude:
		length := binary.BigEndian.Uint32(s.buf)
		inHeaders := binary.BigEndian.Uint32(s.buf[4:])
		sum := binary.BigEndian.Uint32(s.buf[8:])
		if sum != crc32.ChecksumIEEE(s.buf[:8]) || length > messageLimit || uint64(length) < preludeLen+uint64(inHeaders)+checksumLen {
			s.lost = true
			return
		}
		s.part, s.left = headers, int(inHeaders)
		s.payload = int(length-inHeaders) - preludeLen - checksumLen
	case headers:
		if reportsError(s.buf) {
			a.failed, a.ended = true, true
		}
		s.part, s.left = payload, s.payload
	case payload:
		a.events++
		if !a.walker.fresh() {
			a.walker.restart(top)
		}
		s.part, s.left = checksum, checksumLen
	}
	s.buf = s.buf[:0]
}

// within: a message has begun and not ended.
func (s *eventStream) within() bool {
	return s.part != prelude && (s.part != checksum || s.left > 0) || s.part == prelude && s.left < preludeLen
}

// reportsError looks for ":message-type" with a value other than "event".
func reportsError(h []byte) bool {
	for len(h) > 0 {
		name, rest, ok := counted(h, 1)
		if !ok || len(rest) == 0 {
			return false
		}
		kind := rest[0]
		h = rest[1:]
		size := 0
		switch kind {
		case 0, 1: // true, false
		case 2:
			size = 1
		case 3:
			size = 2
		case 4:
			size = 4
		case 5, 8: // a long, a time
			size = 8
		case 9: // a UUID
			size = 16
		case 6, 7: // bytes, a string
			value, after, ok := counted(h, 2)
			if !ok {
				return false
			}
			if kind == 7 && string(name) == ":message-type" {
				return string(value) == "exception" || string(value) == "error"
			}
			h = after
		default:
			return false
		}
		if size > len(h) {
			return false
		}
		h = h[size:]
	}
	return false
}

// counted takes off what stands behind its own length of so many bytes.
func counted(b []byte, lengthBytes int) (value, rest []byte, ok bool) {
	if len(b) < lengthBytes {
		return nil, nil, false
	}
	n := 0
	for _, c := range b[:lengthBytes] {
		n = n<<8 | int(c)
	}
	if b = b[lengthBytes:]; len(b) < n {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
