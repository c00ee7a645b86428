package server

import (
	"bytes"
	"errors"
	"time"

	"ai-gw-lite/internal/wire"
)

// preface is how an HTTP/2 connection begins (RFC 9113 section 3.4).
const preface = "PRI * HTTP/2.0\r\n"

var (
	errHTTP2  = errors.New("an HTTP/2 connection")
	errNoHTTP = &wire.Error{Status: 400, Reason: "bytes that are no HTTP"}
)

// readHead reads and parses the next request's head. On a new connection the
// time for it has run since its opening.
func (h *http1) readHead(first bool) error {
	timed := first
	for blank := true; ; {
		if blank && h.conn.Buffered() >= 2 {
			h.conn.SkipBlankLine()
			blank = false
		}
		if first && h.server.tls == nil && bytes.HasPrefix(h.conn.Unread(), []byte(preface)) {
			return errHTTP2
		}
		head, err := h.conn.FindHead(wire.MaxRequestHead)
		if err != nil {
			return err
		}
		if head != nil {
			return h.parse(head)
		}
		if !wire.CouldBeRequest(h.conn.Unread()) {
			return errNoHTTP
		}
		if !timed {
			timed = true
			h.setDeadline(time.Now().Add(h.server.patience.head))
		}
		if err := h.conn.Fill(); err != nil {
			return err
		}
	}
}

func (h *http1) parse(head []byte) error {
	if err := wire.ParseRequest(head, &h.head); err != nil {
		return err
	}
	h.conn.ExpectBody(h.head.Framing, h.head.Length)
	h.toHead = h.head.IsHead()
	return nil
}

// refuse answers what HTTP itself rejects with the bare status.
func (h *http1) refuse(err error) {
	var bad *wire.Error
	switch {
	case errors.As(err, &bad):
		h.conn.Write(bareAnswer(bad.Status))
	case wire.IsTimeout(err) && h.conn.Buffered() > 0:
		h.conn.Write(bareAnswer(408))
	}
}

func bareAnswer(status int) []byte {
	b := wire.AppendStatusLine(nil, status, []byte(wire.ReasonPhrase(status)))
	return append(b, "Content-Length: 0\r\nConnection: close\r\n\r\n"...)
}
