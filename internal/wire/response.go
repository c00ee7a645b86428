package wire

import "bytes"

var errStatusLine = malformed("a malformed status line")

// ResponseHead is a parsed response head. Its slices alias the buffer it was
// read into.
type ResponseHead struct {
	Status    int
	Reason    []byte
	Minor     int
	Fields    []Field
	Framing   Framing
	Length    int64 // of the body, for ByLength
	Close     bool  // the connection ends with this response
	Nominates bool  // Connection names other headers: ask IsNominated
	WebSocket bool  // Upgrade: websocket in a 101
}

// IsInterim reports a 1xx that another head follows.
func (h *ResponseHead) IsInterim() bool { return h.Status < 200 && h.Status != 101 }

// ParseResponse parses a complete head, its empty line included, into h, whose
// Fields are reused. toHead says that the request was a HEAD. The error is a
// *Error whose Status means nothing.
func ParseResponse(b []byte, h *ResponseHead, toHead bool) error {
	*h = ResponseHead{Fields: h.Fields[:0]}
	nl := bytes.IndexByte(b, '\n')
	if nl < 1 || b[nl-1] != '\r' {
		return errStatusLine
	}
	if err := h.parseLine(b[:nl-1]); err != nil {
		return err
	}
	var f framingFields
	var err error
	if h.Fields, err = parseFields(b[nl+1:], h.Fields, &f); err != nil {
		return err
	}
	if f.chunked && h.Minor == 0 {
		return errChunked10
	}
	switch { // RFC 9112 section 6.3
	case toHead || h.Status < 200 || h.Status == 204 || h.Status == 304:
		h.Framing = NoBody
	case f.chunked:
		h.Framing = ByChunks
	case f.length >= 0:
		h.Framing, h.Length = ByLength, f.length
	default:
		h.Framing = UntilClose
	}
	h.Close = f.close || h.Minor == 0 && !f.keepAlive || h.Framing == UntilClose
	h.Nominates = f.nominates
	h.WebSocket = h.Status == 101 && f.websocket && f.upgrade
	return nil
}

// parseLine reads "HTTP/1.x NNN reason". The blank before an empty reason may
// be missing: many servers leave it out, and nothing hangs on it.
func (h *ResponseHead) parseLine(line []byte) error {
	const status = len("HTTP/1.1 ")
	if len(line) < status+3 || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return errStatusLine
	}
	if line[7] != '0' && line[7] != '1' {
		return errStatusLine
	}
	h.Minor = int(line[7] - '0')
	n, ok := parseDigits(line[status : status+3])
	if !ok || n < 100 {
		return errStatusLine
	}
	h.Status = int(n)
	if rest := line[status+3:]; len(rest) > 0 {
		if rest[0] != ' ' || !allOf(rest, &isFieldByte) {
			return errStatusLine
		}
		h.Reason = rest[1:]
	}
	return nil
}
