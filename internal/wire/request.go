package wire

import "bytes"

var (
	errRequestLine = malformed("a malformed request line")
	errMethod      = malformed("a method that is no token")
	errTarget      = malformed("a malformed request target")
	errVersion     = &Error{Status: 505, Reason: "an HTTP version that is not spoken here"}
	errHost        = malformed("a missing, repeated or malformed Host")
	errChunked10   = malformed("Transfer-Encoding in HTTP/1.0")
	errMethodHere  = &Error{Status: 501, Reason: "a method that is not offered"}
)

// RequestHead is a parsed request head. Its slices alias the buffer it was
// read into.
type RequestHead struct {
	Method    []byte
	Target    []byte // origin form: path and query as sent, even if the request came in absolute form
	Path      []byte // the Target without its query
	Minor     int    // the 1 of HTTP/1.1
	Fields    []Field
	Framing   Framing
	Length    int64 // of the body, for ByLength
	Close     bool  // the client wants the connection closed after the answer
	Nominates bool  // Connection names other headers: ask IsNominated
	WebSocket bool  // a WebSocket handshake (RFC 6455 section 4.1)
	Expects   bool  // Expect: 100-continue
}

// IsHead reports the method whose answers have no body.
func (h *RequestHead) IsHead() bool { return string(h.Method) == "HEAD" }

// ParseRequest parses a complete head, its empty line included, into h, whose
// Fields are reused. The error is a *Error.
func ParseRequest(b []byte, h *RequestHead) error {
	*h = RequestHead{Fields: h.Fields[:0]}
	nl := bytes.IndexByte(b, '\n')
	if nl < 1 || b[nl-1] != '\r' {
		return errRequestLine
	}
	if err := h.parseLine(b[:nl-1]); err != nil {
		return err
	}
	var f framingFields
	var err error
	if h.Fields, err = parseFields(b[nl+1:], h.Fields, &f); err != nil {
		return err
	}
	if f.hosts > 1 || f.hosts == 0 && h.Minor == 1 || !allOf(f.host, &isHostByte) {
		return errHost
	}
	switch {
	case f.chunked && h.Minor == 0:
		return errChunked10
	case f.chunked:
		h.Framing = ByChunks
	case f.length >= 0:
		h.Framing, h.Length = ByLength, f.length
	}
	h.Close = f.close || h.Minor == 0 && !f.keepAlive
	h.Nominates = f.nominates
	h.Expects = f.expects100 && h.Minor == 1
	h.WebSocket = f.websocket && f.upgrade && h.Minor == 1 && string(h.Method) == "GET" && !f.chunked && h.Length == 0
	return nil
}

func (h *RequestHead) parseLine(line []byte) error {
	first := bytes.IndexByte(line, ' ')
	last := bytes.LastIndexByte(line, ' ')
	if first < 1 || last == first {
		return errRequestLine
	}
	h.Method = line[:first]
	target, version := line[first+1:last], line[last+1:]
	if !IsToken(h.Method) {
		return errMethod
	}
	if len(version) != len("HTTP/1.1") || string(version[:5]) != "HTTP/" || !isDigit(version[5]) || version[6] != '.' || !isDigit(version[7]) {
		return errRequestLine
	}
	if version[5] != '1' || version[7] > '1' {
		return errVersion
	}
	h.Minor = int(version[7] - '0')
	for _, c := range target {
		if c <= ' ' || c == 0x7f || c == '#' {
			return errTarget
		}
	}
	switch {
	case string(h.Method) == "CONNECT" || string(h.Method) == "TRACE":
		return errMethodHere
	case len(target) == 1 && target[0] == '*' && string(h.Method) == "OPTIONS":
		return errMethodHere
	}
	return h.setTarget(target)
}

// setTarget takes origin form, or absolute form of which only path and query
// count (RFC 9112 section 3.2).
func (h *RequestHead) setTarget(target []byte) error {
	if len(target) == 0 {
		return errTarget
	}
	if target[0] != '/' {
		rest, ok := cutScheme(target)
		if !ok {
			return errTarget
		}
		end := bytes.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 || !allOf(rest[:end], &isHostByte) { // isHostByte has no @: userinfo is refused
			return errTarget
		}
		target = rest[end:]
		if len(target) == 0 || target[0] == '?' {
			target = append([]byte{'/'}, target...)
		}
	}
	h.Target, h.Path = target, target
	if q := bytes.IndexByte(target, '?'); q >= 0 {
		h.Path = target[:q]
	}
	return nil
}

func cutScheme(target []byte) (rest []byte, ok bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if HasPrefixFold(target, scheme) {
			return target[len(scheme):], true
		}
	}
	return nil, false
}
