package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// head is what both ends of the bench need to know of an HTTP/1.1 message.
// Its slices point into the buffer it was parsed from.
type head struct {
	method, target []byte // of a request
	http11         bool   // a request's version
	closing        bool   // Connection: close
	status         int    // of a response
	length         int64  // Content-Length, or -1
	chunked        bool
	authorization  []byte
}

var crlf2 = []byte("\r\n\r\n")

// parseHead reads one head from the start of p and returns its size, or 0 if
// it is not complete yet.
func parseHead(p []byte, h *head) (int, error) {
	end := bytes.Index(p, crlf2)
	if end < 0 {
		if len(p) > 64<<10 {
			return 0, errors.New("head too large")
		}
		return 0, nil
	}
	*h = head{length: -1}
	line, rest, _ := bytes.Cut(p[:end], crlf2[:2])
	first, second, _ := bytes.Cut(line, []byte{' '})
	if bytes.HasPrefix(first, []byte("HTTP/")) {
		if len(second) < 3 {
			return 0, fmt.Errorf("bad status line %q", line)
		}
		h.status, _ = strconv.Atoi(string(second[:3]))
	} else {
		h.method = first
		h.target, second, _ = bytes.Cut(second, []byte{' '})
		h.http11 = string(second) == "HTTP/1.1"
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, crlf2[:2])
		if err := h.field(line); err != nil {
			return 0, err
		}
	}
	return end + 4, nil
}

var (
	nameLength   = []byte("content-length")
	nameTransfer = []byte("transfer-encoding")
	nameAuth     = []byte("authorization")
	nameConn     = []byte("connection")
)

func (h *head) field(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok {
		return fmt.Errorf("bad header line %q", line)
	}
	switch len(name) { // cheaper than comparing every name
	case len(nameLength):
		if bytes.EqualFold(name, nameLength) {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			if err != nil {
				return fmt.Errorf("bad content-length: %w", err)
			}
			h.length = n
		}
	case len(nameTransfer):
		if bytes.EqualFold(name, nameTransfer) {
			h.chunked = bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked"))
		}
	case len(nameAuth):
		if bytes.EqualFold(name, nameAuth) {
			h.authorization = bytes.TrimSpace(value)
		}
	case len(nameConn):
		if bytes.EqualFold(name, nameConn) {
			h.closing = bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
		}
	}
	return nil
}

// body takes the framing off what follows a head, however the bytes are split.
type body struct {
	left  int64 // of the body, or of the current chunk
	state bodyState
	line  int // bytes in the current trailer line
}

type bodyState uint8

const (
	bodyDone bodyState = iota
	bodyLength
	chunkSize
	chunkExtension
	chunkData
	chunkEnd
	chunkTrailer
)

func (b *body) start(h *head) {
	switch {
	case h.chunked:
		*b = body{state: chunkSize}
	case h.length > 0:
		*b = body{state: bodyLength, left: h.length}
	default:
		*b = body{}
	}
}

func (b *body) done() bool { return b.state == bodyDone }

// next returns a piece of the body, if there is one, and the bytes after it.
// Call it until the body is done or nothing is left.
func (b *body) next(p []byte) (data, rest []byte, err error) {
	for len(p) > 0 {
		c := p[0]
		switch b.state {
		case bodyDone:
			return nil, p, nil
		case bodyLength, chunkData:
			n := min(b.left, int64(len(p)))
			b.left -= n
			if b.left == 0 {
				if b.state == bodyLength {
					b.state = bodyDone
				} else {
					b.state = chunkEnd
				}
			}
			return p[:n], p[n:], nil
		case chunkSize:
			switch digit := hexValue(c); {
			case digit >= 0:
				b.left = b.left<<4 | int64(digit)
			case c == '\n' || c == '\r' || c == ';' || c == ' ': // HAProxy pads sizes
				b.state = chunkExtension
				continue // the same byte ends the line
			default:
				return nil, nil, fmt.Errorf("bad chunk size byte %q", c)
			}
		case chunkExtension:
			if c == '\n' {
				b.state = chunkData
				if b.left == 0 {
					b.state, b.line = chunkTrailer, 0
				}
			}
		case chunkEnd:
			if c == '\n' {
				b.state, b.left = chunkSize, 0
			} else if c != '\r' {
				return nil, nil, fmt.Errorf("bad byte %q after a chunk", c)
			}
		case chunkTrailer:
			switch {
			case c == '\n' && b.line == 0:
				b.state = bodyDone
				return nil, p[1:], nil
			case c == '\n':
				b.line = 0
			case c != '\r':
				b.line++
			}
		}
		p = p[1:]
	}
	return nil, nil, nil
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
