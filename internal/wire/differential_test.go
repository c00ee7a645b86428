package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// message is a request or a response as a parser understood it, in words that
// both parsers share.
type message struct {
	start     string              // the first line's parts
	fields    map[string][]string // by canonical name, each name's values in their order
	host      []string
	framing   Framing
	length    int64 // for ByLength
	close     bool
	body      string
	truncated bool   // the body breaks off
	rest      string // what is left behind the body
}

// readBehind reads the body and what is left behind it.
func (m *message) readBehind(c *Conn, f Framing, length int64) error {
	m.framing, m.length = f, length
	c.ExpectBody(f, length)
	var err error
	if m.body, err = readBody(c); err == io.ErrUnexpectedEOF {
		m.truncated = true
		return nil
	}
	if err != nil {
		return err
	}
	for c.Fill() == nil {
	}
	m.rest = string(c.Unread())
	return nil
}

func (m *message) takeFields(fields []Field) {
	m.fields = map[string][]string{}
	for _, f := range fields {
		name := http.CanonicalHeaderKey(string(f.Name))
		m.fields[name] = append(m.fields[name], string(f.Value))
	}
}

// wireRequest is the first request of a stream as wire understands it.
func wireRequest(pieces [][]byte) (*message, *RequestHead, error) {
	c := connOf(pieces...)
	head, err := nextHead(c, MaxRequestHead)
	if err != nil {
		return nil, nil, err
	}
	h := new(RequestHead)
	if err := ParseRequest(bytes.Clone(head), h); err != nil {
		return nil, nil, err
	}
	m := &message{start: fmt.Sprintf("%s HTTP/1.%d", h.Method, h.Minor), close: h.Close}
	m.takeFields(h.Fields)
	m.host = m.fields["Host"]
	delete(m.fields, "Host")
	return m, h, m.readBehind(c, h.Framing, h.Length)
}

// goRequest is the same as net/http's server understands it.
func goRequest(stream []byte) (*message, *http.Request, error) {
	r := bufio.NewReaderSize(bytes.NewReader(stream), len(stream)+1)
	host := hostLines(stream)
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, nil, err
	}
	// What a server checks beyond that.
	switch {
	case req.ProtoMajor != 1:
		return nil, nil, errors.New("unsupported version")
	case req.ProtoMinor >= 1 && len(host) == 0:
		return nil, nil, errors.New("missing Host")
	case len(host) > 0 && !validHost(host[0]):
		return nil, nil, errors.New("malformed Host")
	}
	if err := checkHeader(req.Header); err != nil {
		return nil, nil, err
	}
	m := &message{start: req.Method + " " + req.Proto, fields: req.Header, host: host, close: req.Close}
	return m, req, m.readGoBody(req.Body, r, req.TransferEncoding, req.ContentLength)
}

func (m *message) readGoBody(body io.Reader, rest io.Reader, coding []string, length int64) error {
	switch {
	case len(coding) > 0:
		m.framing = ByChunks
	case body == http.NoBody:
		m.framing = NoBody
	case length >= 0:
		m.framing, m.length = ByLength, length
	default:
		m.framing = UntilClose
	}
	b, err := io.ReadAll(body)
	m.body = string(b)
	if isTruncated(err) {
		m.truncated = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	b, err = io.ReadAll(rest)
	m.rest = string(b)
	return err
}

// isTruncated reports a body that breaks off, in its trailers too: those lie in
// a buffer that holds the whole stream, so that none is too long for net/http.
func isTruncated(err error) bool {
	return err == io.ErrUnexpectedEOF || err != nil &&
		(err.Error() == "http: unexpected EOF reading trailer" || err.Error() == "http: suspiciously long trailer after chunked body")
}

// hostLines are the values of the Host lines of a head. http.ReadRequest keeps
// them to itself.
func hostLines(stream []byte) (values []string) {
	for i, line := range strings.Split(string(stream), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if name, value, ok := strings.Cut(line, ":"); ok && i > 0 && strings.EqualFold(name, "host") {
			values = append(values, strings.Trim(value, " \t"))
		}
		if line == "" {
			break
		}
	}
	return values
}

// checkHeader is the check of net/http's server, with the rules of RFC 9110
// section 5 written out once more.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if name == "" || strings.Trim(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return fmt.Errorf("header name %q", name)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("header value %q", v)
			}
		}
	}
	return nil
}

func validHost(h string) bool {
	return strings.Trim(h, "!$%&()*+,-.:;='[]_~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// compare tells every difference between what wire and net/http understood,
// but for those that lie in how net/http shows a message, not in how it reads it.
func compare(t *testing.T, stream []byte, ours, theirs *message) {
	t.Helper()
	wants := func(what string, our, their any) {
		if fmt.Sprint(our) != fmt.Sprint(their) {
			t.Errorf("%s: wire %q, net/http %q, of %q", what, our, their, stream)
		}
	}
	wants("first line", ours.start, theirs.start)
	wants("host", ours.host, theirs.host)
	wants("framing", ours.framing, theirs.framing)
	wants("length", ours.length, theirs.length)
	wants("close", ours.close, theirs.close)
	wants("truncated", ours.truncated, theirs.truncated)
	wants("body", ours.body, theirs.body)
	wants("rest", ours.rest, theirs.rest)
	names := make(map[string]bool)
	for name := range ours.fields {
		names[name] = true
	}
	for name := range theirs.fields {
		names[name] = true
	}
	for name := range names {
		our, their := ours.fields[name], theirs.fields[name]
		switch {
		case name == "Transfer-Encoding" && their == nil: // told by the framing
		case name == "Trailer" && ours.fields["Transfer-Encoding"] != nil: // told apart, in another form
		case name == "Content-Length" && their == nil && ours.framing == NoBody: // of an answer without a body
		case name == "Connection" && their == nil && ours.close: // told by close
		case name == "Cache-Control" && our == nil && slices.Equal(their, []string{"no-cache"}) && ours.fields["Pragma"] != nil: // made up from Pragma
		default:
			wants(name, our, their)
		}
	}
}

// isOfTheTarget reports an error of net/http's that lies in the target alone.
// Accepted differences: what stands in a path passes as it was sent, %zz
// included, and is judged where paths are; and the authority of absolute form
// means nothing here, so only its bytes are looked at.
func isOfTheTarget(err error, target string) bool {
	var bad *url.Error
	if !errors.As(err, &bad) {
		return false
	}
	var escape url.EscapeError
	return errors.As(err, &escape) || !strings.HasPrefix(target, "/")
}

// isTooMuchOverhead reports a chunked body of which net/http minds how little
// of it is data. Accepted difference: wire bounds each extension and all
// trailers and holds none of them, so they cost it nothing but their reading.
func isTooMuchOverhead(err error) bool {
	return err != nil && strings.Contains(err.Error(), "too much non-data")
}

// isOfTheTrailerLine reports a Trailer header that announces what may not be a
// trailer. Accepted difference: trailers are dropped, announced or not.
func isOfTheTrailerLine(err error) bool {
	return err != nil && strings.Contains(err.Error(), "bad trailer key")
}
