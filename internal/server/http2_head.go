package server

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"ai-gw-lite/internal/wire"
)

// readHead makes an HTTP/1.1 head of the request. A status other than 0 is
// what HTTP itself answers.
func (h *http2) readHead() (status int) {
	r := h.r
	if r.Method == "CONNECT" || r.Method == "TRACE" || r.Method == "OPTIONS" && r.RequestURI == "*" {
		return http.StatusNotImplemented
	}
	if !wire.IsToken([]byte(r.Method)) || badTarget(r.RequestURI) || badLength(r) || len(r.Header["Host"]) > 1 {
		return http.StatusBadRequest
	}
	if isTooLarge(r) {
		return http.StatusRequestHeaderFieldsTooLarge
	}
	h.head = wire.RequestHead{Method: []byte(r.Method), Target: []byte(r.RequestURI), Minor: 1}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	h.head.Path = h.head.Target[:len(path)]
	for name, values := range r.Header {
		lower := []byte(strings.ToLower(name))
		known := wire.Recognise(lower)
		for _, v := range values {
			h.head.Fields = append(h.head.Fields, wire.Field{Name: lower, Value: wire.TrimBlanks([]byte(v)), Known: known})
		}
	}
	h.left = r.ContentLength
	switch {
	case r.ContentLength > 0:
		h.head.Framing, h.head.Length = wire.ByLength, r.ContentLength
	case r.ContentLength < 0:
		h.head.Framing = wire.ByChunks
	default:
		h.done = true
	}
	h.noBody = r.Method == "HEAD"
	return 0
}

// badLength finds a Content-Length that is not the body's (RFC 9113 section
// 8.1.1). Go's server lets it pass, and in HTTP/1.1 it would frame the request.
func badLength(r *http.Request) bool {
	values := r.Header["Content-Length"]
	return len(values) > 1 || len(values) == 1 && values[0] != strconv.FormatInt(r.ContentLength, 10)
}

// isTooLarge finds a head that HTTP/1.1 would have no room for.
func isTooLarge(r *http.Request) bool {
	size, lines := len(r.Method)+len(r.RequestURI), 0
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
		}
		lines += len(values)
	}
	return size > wire.MaxRequestHead || lines > maxHeaderLines
}

// badTarget finds what no request target may hold in HTTP/1.1 either.
func badTarget(target string) bool {
	return target == "" || target[0] != '/' || bytes.ContainsFunc([]byte(target), func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '#'
	})
}
