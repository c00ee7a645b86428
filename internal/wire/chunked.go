package wire

var (
	errChunkSize = malformed("a malformed chunk size")
	errChunkEnd  = malformed("a chunk without its CR LF")
	errChunkLine = malformed("a malformed chunk extension or trailer")
)

// maxChunkLine bounds a chunk's size with its extension, and all trailers
// together, in bytes. It is net/http's bound for the former.
const maxChunkLine = 4<<10 - 1

type chunkState uint8

const (
	inSize chunkState = iota
	inExtension
	afterSize // the LF behind a size
	inData
	afterData // the CR behind a chunk
	afterDataCR
	atTrailer // the start of a trailer line or of the end
	inTrailerName
	inTrailerValue
	afterTrailer // the LF behind a trailer
	atEnd        // the last LF
	ended
)

// chunked follows a chunked body (RFC 9112 section 7.1) through pieces of any
// size. It drops extensions and trailers in place, so that what is left can be
// passed on as it stands: one read becomes one write, with no framing anew.
type chunked struct {
	state  chunkState
	left   int64 // bytes left of the current chunk
	digits int   // digits of its size seen
	line   int   // bytes of a size with its extension, or of trailers, seen
}

// clean takes the next bytes of the stream and returns what is left of them in
// out, which is b's own memory; the body's data within out, appended to data;
// and how many bytes of b belonged to the body, fewer than all only at its end.
// After an error out and data hold what came before it.
func (c *chunked) clean(b []byte, data [][]byte) (out []byte, _ [][]byte, used int, err error) {
	w := 0
	for i := 0; i < len(b); {
		ch := b[i]
		keep := true
		switch c.state {
		case inData:
			n := min(int64(len(b)-i), c.left)
			if w != i {
				copy(b[w:], b[i:i+int(n)])
			}
			data = append(data, b[w:w+int(n)])
			w, i = w+int(n), i+int(n)
			if c.left -= n; c.left == 0 {
				c.state = afterData
			}
			continue
		case inSize:
			if d := hexDigit[ch]; d < 16 {
				if c.digits++; c.digits > 15 {
					return b[:w], data, i, errChunkSize
				}
				c.left = c.left<<4 | int64(d)
			} else if c.digits > 0 && ch == '\r' {
				c.state = afterSize
			} else if c.digits > 0 && ch == ';' {
				c.state, c.line, keep = inExtension, c.digits, false
			} else {
				return b[:w], data, i, errChunkSize
			}
		case inExtension:
			if ch == '\r' {
				c.state = afterSize
			} else if keep = false; !isFieldByte[ch] {
				return b[:w], data, i, errChunkLine
			}
		case afterSize:
			if ch != '\n' {
				return b[:w], data, i, errChunkSize
			}
			c.digits, c.state = 0, inData
			if c.left == 0 {
				c.line, c.state = 0, atTrailer
			}
		case afterData:
			if ch != '\r' {
				return b[:w], data, i, errChunkEnd
			}
			c.state = afterDataCR
		case afterDataCR:
			if ch != '\n' {
				return b[:w], data, i, errChunkEnd
			}
			c.state = inSize
		case atTrailer:
			if ch == '\r' {
				c.state = atEnd
			} else if !isTchar[ch] {
				return b[:w], data, i, errChunkLine
			} else {
				c.state, keep = inTrailerName, false
			}
		case inTrailerName:
			keep = false
			if ch == ':' {
				c.state = inTrailerValue
			} else if !isTchar[ch] {
				return b[:w], data, i, errChunkLine
			}
		case inTrailerValue:
			keep = false
			if ch == '\r' {
				c.state = afterTrailer
			} else if !isFieldByte[ch] {
				return b[:w], data, i, errChunkLine
			}
		case afterTrailer:
			keep = false
			if ch != '\n' {
				return b[:w], data, i, errChunkLine
			}
			c.state = atTrailer
		case atEnd:
			if ch != '\n' {
				return b[:w], data, i, errChunkLine
			}
			c.state = ended
		case ended:
			return b[:w], data, i, nil
		}
		if keep {
			b[w] = ch
			w++
		} else if c.line++; c.line > maxChunkLine {
			return b[:w], data, i, errChunkLine
		}
		i++
	}
	return b[:w], data, len(b), nil
}

var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	for i, c := range []byte("ABCDEF") {
		t[c] = byte(10 + i)
	}
	return t
}()

// appendChunkSize appends a chunk's size line. The chunk's CR LF is the caller's.
func appendChunkSize(b []byte, n int) []byte {
	const digits = "0123456789abcdef"
	shift := 0
	for n>>(shift+4) > 0 {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return append(b, '\r', '\n')
}

// lastChunk ends a chunked body.
const lastChunk = "0\r\n\r\n"

// HexDigit is the value of a hexadecimal digit.
func HexDigit(c byte) (value byte, ok bool) {
	value = hexDigit[c]
	return value, value < 16
}
