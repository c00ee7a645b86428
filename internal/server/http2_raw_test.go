package server

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// rawHTTP2 is an HTTP/2 client that sends the frames a test wants,
// well-formed or not.
type rawHTTP2 struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// Frame types, flags and error codes (RFC 9113 sections 6 and 7).
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway, frameWindow, frameContinuation = 0, 1, 3, 4, 6, 7, 8, 9

	flagEndStream, flagEndHeaders, flagAck = 1, 4, 1
)

func (g *rig) dialHTTP2() *rawHTTP2 {
	g.t.Helper()
	var c net.Conn
	if g.via.secure {
		c = g.dialTLS("h2")
	} else {
		c = g.dialTCP()
	}
	h := &rawHTTP2{c, g.t, bufio.NewReader(c)}
	io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	h.frame(frameSettings, 0, 0, "")
	return h
}

func (h *rawHTTP2) frame(kind, flags byte, stream uint32, payload string) {
	h.t.Helper()
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	head = binary.BigEndian.AppendUint32(head, stream)
	if _, err := h.Write(append(head, payload...)); err != nil {
		h.t.Fatalf("send a frame: %v", err)
	}
}

// headers opens a stream. Fields are "name: value", pseudo-headers first; each
// goes out as a literal, never indexed (RFC 7541 section 6.2.3).
func (h *rawHTTP2) headers(stream uint32, end bool, fields ...string) {
	h.t.Helper()
	var block strings.Builder
	for _, f := range fields {
		name, value, _ := strings.Cut(f[1:], ": ")
		name = f[:1] + name
		block.WriteByte(0x10)
		for _, s := range []string{name, value} {
			if len(s) > 126 {
				h.t.Fatalf("%q is too long for this client", s)
			}
			block.WriteByte(byte(len(s)))
			block.WriteString(s)
		}
	}
	flags := byte(flagEndHeaders)
	if end {
		flags |= flagEndStream
	}
	h.frame(frameHeaders, flags, stream, block.String())
}

func ask2(method, path string, more ...string) []string {
	return append([]string{":method: " + method, ":scheme: http", ":authority: gateway", ":path: " + path}, more...)
}

// frameIn is a frame as the gateway sent it.
type frameIn struct {
	kind, flags byte
	stream      uint32
	payload     string
}

func (h *rawHTTP2) read() (frameIn, error) {
	var head [9]byte
	if _, err := io.ReadFull(h.r, head[:]); err != nil {
		return frameIn{}, err
	}
	payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(h.r, payload); err != nil {
		return frameIn{}, err
	}
	return frameIn{head[3], head[4], binary.BigEndian.Uint32(head[5:]), string(payload)}, nil
}

// end reads until a stream has ended and says how: "200", "400" and so on for
// the status of an answer, "reset N" or "goaway N" with the error's number.
func (h *rawHTTP2) end(stream uint32) string {
	h.t.Helper()
	status := "no answer"
	for {
		f, err := h.read()
		switch {
		case err != nil:
			return fmt.Sprintf("%s, then %v", status, err)
		case f.kind == frameGoAway:
			return fmt.Sprintf("goaway %d", binary.BigEndian.Uint32([]byte(f.payload[4:])))
		case f.stream != stream:
			continue
		case f.kind == frameReset:
			return fmt.Sprintf("reset %d", binary.BigEndian.Uint32([]byte(f.payload)))
		case f.kind == frameHeaders:
			status = statusOf(f.payload)
		}
		if f.flags&flagEndStream != 0 && (f.kind == frameHeaders || f.kind == frameData) {
			return status
		}
	}
}

// statusOf reads the status of a header block, which Go's server puts first:
// one of the static table's, or a literal with the name of entry 8.
func statusOf(block string) string {
	if i := strings.IndexByte("\x88\x89\x8a\x8b\x8c\x8d\x8e", block[0]); i >= 0 {
		return [...]string{"200", "204", "206", "304", "400", "404", "500"}[i]
	}
	return fmt.Sprintf("another status (%x)", block[:min(6, len(block))])
}

func TestMalformedHTTP2RequestReachesNoUpstream(t *testing.T) {
	auth := "authorization: Bearer " + token
	for _, row := range []struct {
		name   string
		fields []string
		body   string // "": the head ends the stream
	}{
		{"blank in the method", ask2("GET /admin", "/api", auth), ""},
		{"line break in the method", ask2("GET\r\nx:", "/api", auth), ""},
		{"colon in the method", ask2("GET:", "/api", auth), ""},
		{"blank in the path", ask2("GET", "/api/x HTTP/1.1", auth), ""},
		{"line break in the path", ask2("GET", "/api/x\r\nX: y", auth), ""},
		{"fragment in the path", ask2("GET", "/api/x#y", auth), ""},
		{"absolute path", ask2("GET", "http://other/api/x", auth), ""},
		{"path without its slash", ask2("GET", "api", auth), ""},
		{"length without a body", ask2("POST", "/api", auth, "content-length: 5"), ""},
		{"two lengths", ask2("POST", "/api", auth, "content-length: 2", "content-length: 7"), "hi"},
		{"two lengths in one line", ask2("POST", "/api", auth, "content-length: 2, 2"), "hi"},
		{"a length that is no number", ask2("POST", "/api", auth, "content-length: 2x"), "hi"},
		{"a length with a sign", ask2("POST", "/api", auth, "content-length: +2"), "hi"},
		{"a negative length", ask2("POST", "/api", auth, "content-length: -1"), "hi"},
		{"an empty length", ask2("POST", "/api", auth, "content-length: "), "hi"},
		{"host twice", ask2("GET", "/api", auth, "host: a", "host: b"), ""},
		{"connection", ask2("GET", "/api", auth, "connection: close"), ""},
		{"transfer-encoding", ask2("POST", "/api", auth, "transfer-encoding: chunked"), "hi"},
		{"upgrade", ask2("GET", "/api", auth, "upgrade: websocket"), ""},
		{"line break in a value", ask2("GET", "/api", auth, "x: a\r\ny: b"), ""},
		{"NUL in a value", ask2("GET", "/api", auth, "x: a\x00b"), ""},
		{"blank in a name", ask2("GET", "/api", auth, "x y: b"), ""},
		{"upper-case name", ask2("GET", "/api", auth, "X: b"), ""},
		{"unknown pseudo-header", ask2("GET", "/api", ":x: b", auth), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					c.hangUp()
				})
				g := start(t, via, newConfig(u.base()))
				h := g.dialHTTP2()
				h.headers(1, row.body == "", row.fields...)
				if row.body != "" {
					h.frame(frameData, flagEndStream, 1, row.body)
				}
				if end := h.end(1); end == "200" {
					t.Errorf("it was answered with %s", end)
				}
				for _, r := range u.requests() {
					t.Errorf("the upstream got %q", r.head)
				}
			})
		})
	}
}

func TestShortOrLongHTTP2UploadIsNotCompletedUpstream(t *testing.T) {
	for _, row := range []struct{ name, body string }{{"short", "hell"}, {"long", "hello!"}} {
		t.Run(row.name, func(t *testing.T) {
			over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
				got := make(chan string, 1)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if c.readBody(r) == nil {
						c.send(okAnswer)
					}
					got <- r.body
				})
				g := start(t, via, newConfig(u.base()))
				h := g.dialHTTP2()
				h.headers(1, false, ask2("POST", "/api", "authorization: Bearer "+token, "content-length: 5")...)
				h.frame(frameData, flagEndStream, 1, row.body)
				if end := h.end(1); !strings.HasPrefix(end, "reset") {
					t.Errorf("the stream ended with %s, want a reset", end)
				}
				g.outcome()
				if n := len(u.requests()); n > 0 {
					if body := <-got; len(body) >= 5 {
						t.Errorf("the upstream got the whole body %q", body)
					}
				}
			})
		})
	}
}

func TestTokenInBlanksIsDroppedOverHTTP2(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		h := g.dialHTTP2()
		h.headers(1, true, ask2("GET", "/api", "authorization: Bearer "+token, "x-copy: "+token+" ", "x-other:  \t"+token, "x-kept:  a b ")...)
		if end := h.end(1); end != "200" {
			t.Fatalf("the answer is %s", end)
		}
		if r := u.only(); strings.Contains(r.head, token) || r.get("x-kept") != "a b" {
			t.Errorf("the upstream got %q", r.head)
		}
	})
}
