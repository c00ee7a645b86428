package wire

// CouldBeRequest reports whether b, of which more is to come, may be how a
// request begins: who speaks another protocol, TLS above all, is told at once
// and does not wait for the end of a head that will never come.
func CouldBeRequest(b []byte) bool {
	if len(b) > 1 && b[0] == '\r' && b[1] == '\n' { // see SkipBlankLine
		b = b[2:]
	}
	for i, c := range b[:min(len(b), 32)] { // where a method ends, if it is one that anybody knows
		if c == ' ' {
			return i > 0
		}
		if !isTchar[c] {
			return len(b) == 1 && c == '\r' // an LF may follow
		}
	}
	return true
}

// CouldBeResponse is CouldBeRequest for a response.
func CouldBeResponse(b []byte) bool {
	const start = "HTTP/1.1 200"
	for i := range b[:min(len(b), len(start))] {
		switch c := b[i]; {
		case i == len("HTTP/1."):
			if c != '0' && c != '1' {
				return false
			}
		case i >= len("HTTP/1.1 "):
			if !isDigit(c) {
				return false
			}
		case c != start[i]:
			return false
		}
	}
	return true
}
