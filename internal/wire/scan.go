package wire

import "bytes"

var errBareLF = malformed("a line that does not end with CR LF")

// headScan finds where a head ends in a buffer that grows, looking at each
// byte once, however small the pieces in which it arrives.
type headScan struct {
	pos  int // first byte not looked at
	line int // start of the current line
}

// find returns the head's length, its empty line included, or 0 when more
// bytes are needed.
func (s *headScan) find(b []byte) (int, error) {
	for {
		i := bytes.IndexByte(b[s.pos:], '\n')
		if i < 0 {
			s.pos = len(b)
			return 0, nil
		}
		nl := s.pos + i
		if nl == s.line || b[nl-1] != '\r' {
			return 0, errBareLF
		}
		if nl-1 == s.line {
			return nl + 1, nil
		}
		s.pos, s.line = nl+1, nl+1
	}
}
