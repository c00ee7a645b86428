package wire

import "bytes"

var (
	errNoColon      = malformed("a header line without a colon")
	errFieldName    = malformed("a header name that is no token")
	errFieldValue   = malformed("a byte in a header value that HTTP does not allow")
	errTooManyLines = &Error{Status: 431, Reason: "too many header lines"}
	errOptions      = &Error{Status: 431, Reason: "a Connection that is too long"}
	errTwoLengths   = malformed("more than one Content-Length")
	errLength       = malformed("a Content-Length that is no number")
	errCoding       = malformed("a Transfer-Encoding other than chunked")
	errTwoFramings  = malformed("both Content-Length and Transfer-Encoding")
)

// maxOptions bounds what all Connection lines of a head hold, in bytes. Every
// other line is looked up there: without it a head could ask for seconds of that.
const maxOptions = 1 << 10

// framingFields is what a head's lines say about its body and its connection.
type framingFields struct {
	length     int64 // -1: none
	chunked    bool
	close      bool // Connection: close
	keepAlive  bool // Connection: keep-alive
	options    int  // bytes of all Connection lines
	upgrade    bool // Connection: upgrade
	nominates  bool // Connection names other headers
	websocket  bool // Upgrade: websocket
	expects100 bool
	hosts      int
	host       []byte
}

// parseFields splits the header lines of a complete head, from b[0] to its
// empty line, into fields, and reads those that frame the message.
func parseFields(b []byte, fields []Field, f *framingFields) ([]Field, error) {
	*f = framingFields{length: -1}
	for {
		nl := bytes.IndexByte(b, '\n')
		line := b[:nl-1] // the scan has seen that CR LF ends each line
		if len(line) == 0 {
			return fields, nil
		}
		b = b[nl+1:]
		if len(fields) == MaxFields {
			return fields, errTooManyLines
		}
		colon := 0
		for colon < len(line) && isTchar[line[colon]] {
			colon++
		}
		if colon == len(line) {
			return fields, errNoColon
		}
		if colon == 0 || line[colon] != ':' { // a fold and a blank before the colon end here too
			return fields, errFieldName
		}
		name, value := line[:colon], TrimBlanks(line[colon+1:])
		if !allOf(value, &isFieldByte) {
			return fields, errFieldValue
		}
		known := Recognise(name)
		fields = append(fields, Field{Name: name, Value: value, Known: known})
		if err := f.note(known, value); err != nil {
			return fields, err
		}
	}
}

func (f *framingFields) note(known Known, value []byte) error {
	switch known {
	case ContentLength:
		if f.length >= 0 {
			return errTwoLengths
		}
		n, ok := parseDigits(value)
		if !ok {
			return errLength
		}
		f.length = n
	case TransferEncoding:
		if f.chunked || !EqualFold(value, "chunked") {
			return errCoding
		}
		f.chunked = true
	case Connection:
		if f.options += len(value); f.options > maxOptions {
			return errOptions
		}
		f.noteConnection(value)
	case Upgrade:
		f.websocket = f.websocket || HasElement(value, "websocket")
	case Expect:
		f.expects100 = f.expects100 || EqualFold(value, "100-continue")
	case Host:
		f.hosts++
		f.host = value
	}
	if f.chunked && f.length >= 0 {
		return errTwoFramings // RFC 9112 section 6.3: how requests are smuggled: refused
	}
	return nil
}

func (f *framingFields) noteConnection(options []byte) {
	for len(options) > 0 {
		var o []byte
		o, options = NextElement(options)
		switch {
		case EqualFold(o, "close"):
			f.close = true
		case EqualFold(o, "keep-alive"):
			f.keepAlive = true
		case EqualFold(o, "upgrade"):
			f.upgrade = true
		case len(o) > 0:
			f.nominates = true
		}
	}
}

// IsNominated reports whether a Connection header among fields names this
// one: it is then meant for the next hop alone (RFC 9110 section 7.6.1).
// What frames and addresses the message cannot be nominated away.
func IsNominated(fields []Field, name []byte) bool {
	for i := range fields {
		if fields[i].Known != Connection {
			continue
		}
		for list := fields[i].Value; len(list) > 0; {
			var e []byte
			if e, list = NextElement(list); bytes.EqualFold(e, name) {
				return true
			}
		}
	}
	return false
}
