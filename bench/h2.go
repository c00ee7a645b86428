package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"syscall"
)

// A small HTTP/2 client (RFC 9113) for the load generator: several lanes share
// a connection, each carrying one stream after the other. It keeps to what the
// bench needs: it never sends more than the server's first window allows,
// gives the server as much window as there is, and knows of HPACK only what it
// takes to send the same few headers again and again and to see a status 200.
// Whatever it does not expect is a failure, not something to be worked around.

const (
	frameData         = 0
	frameHeaders      = 1
	frameRST          = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindowUpdate = 8

	flagEndStream  = 1
	flagAck        = 1
	flagEndHeaders = 4
	flagPadded     = 8

	frameHeadSize = 9
	maxWindow     = 1<<31 - 1
)

// h2Conn is one connection.
type h2Conn struct {
	loop    *loop
	sock    *sock
	name    string
	gone    bool
	reading bool // in ready: frames to send are gathered until its end
	in      []byte
	out     []byte
	streams map[uint32]*h2Lane
	next    uint32 // stream id
	window  int64  // of the connection, for sending
	eaten   int64  // received since the window was last opened
	headers []byte // the request's header block once the dynamic table holds its fields
	primed  *request
}

// h2Lane is a place for one stream at a time.
type h2Lane struct {
	conn    *h2Conn
	rc      receiver
	started bool // the head has arrived
}

// h2Lanes opens n lanes, perConn of them on each connection.
func h2Lanes(l *loop, t *target, n, perConn int) ([]lane, error) {
	var all []lane
	for len(all) < n {
		c, err := dialH2(l, t)
		if err != nil {
			closeLanes(all)
			return nil, err
		}
		for range min(perConn, n-len(all)) {
			all = append(all, &h2Lane{conn: c})
		}
	}
	return all, nil
}

func dialH2(l *loop, t *target) (*h2Conn, error) {
	s, err := dial(t.addr, sourceAddr(0), t.tls)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	if got := s.tls.ConnectionState().NegotiatedProtocol; got != "h2" {
		s.close()
		return nil, fmt.Errorf("%s: negotiated %q instead of h2", t.name, got)
	}
	c := &h2Conn{loop: l, sock: s, name: t.name, streams: map[uint32]*h2Lane{}, next: 1, window: 65535}
	c.out = append(c.out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"...)
	const enablePush, initialWindowSize = 2, 4
	settings := binary.BigEndian.AppendUint16(nil, enablePush)
	settings = binary.BigEndian.AppendUint32(settings, 0)
	settings = binary.BigEndian.AppendUint16(settings, initialWindowSize)
	settings = binary.BigEndian.AppendUint32(settings, maxWindow)
	c.frame(frameSettings, 0, 0, settings)
	c.openWindow(maxWindow - 65535)
	c.flush()
	return c, l.add(s.fd, c, syscall.EPOLLIN)
}

// close drops the whole connection, and with it the lanes beside this one.
func (ln *h2Lane) close() { ln.conn.close() }

func (c *h2Conn) close() {
	if !c.gone {
		c.gone = true
		c.loop.remove(c.sock.fd)
		c.sock.reset()
	}
}

func (c *h2Conn) fail(format string, args ...any) {
	c.loop.fail(fmt.Errorf(c.name+": http/2: "+format, args...))
	c.close()
}

func (ln *h2Lane) send(r *request, rc receiver) {
	c := ln.conn
	ln.rc, ln.started = rc, false
	id := c.next
	c.next += 2
	c.streams[id] = ln
	block := c.headerBlock(r)
	if len(r.body) == 0 {
		c.frame(frameHeaders, flagEndHeaders|flagEndStream, id, block)
	} else {
		c.window -= int64(len(r.body))
		if c.window < 0 {
			c.fail("the server's connection window is exhausted")
			return
		}
		c.frame(frameHeaders, flagEndHeaders, id, block)
		c.frame(frameData, flagEndStream, id, r.body)
	}
	if !c.reading {
		c.flush()
	}
}

// headerBlock encodes r's headers: the first time each goes into the dynamic
// table, from then on each is one byte. A connection sends one kind of request.
func (c *h2Conn) headerBlock(r *request) []byte {
	if c.primed == r {
		return c.headers
	}
	fields := [][2]string{{":method", r.method}, {":scheme", "https"}, {":authority", "localhost"}, {":path", r.path},
		{"authorization", r.auth}, {"content-type", "application/json"}}
	for _, h := range clientHeaders {
		fields = append(fields, [2]string{lower(h[0]), h[1]})
	}
	if len(r.body) > 0 {
		fields = append(fields, [2]string{"content-length", fmt.Sprint(len(r.body))})
	}
	var first []byte
	c.headers = nil
	for i, f := range fields {
		// RFC 7541, 6.2.1: literal with incremental indexing, new name, no Huffman.
		first = append(first, 0x40)
		first = appendHpackString(first, f[0])
		first = appendHpackString(first, f[1])
		// 6.1: indexed; the newest entry is number 62.
		c.headers = append(c.headers, 0x80|byte(62+len(fields)-1-i))
	}
	c.primed = r
	return first
}

// appendHpackString appends a plain string literal (RFC 7541, 5.2). All of
// ours are shorter than 127 bytes.
func appendHpackString(p []byte, s string) []byte {
	return append(append(p, byte(len(s))), s...)
}

func lower(s string) string {
	p := []byte(s)
	for i, c := range p {
		if 'A' <= c && c <= 'Z' {
			p[i] = c + 'a' - 'A'
		}
	}
	return string(p)
}

func (c *h2Conn) frame(kind, flags byte, id uint32, payload []byte) {
	n := len(payload)
	c.out = append(c.out, byte(n>>16), byte(n>>8), byte(n), kind, flags, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
	c.out = append(c.out, payload...)
}

func (c *h2Conn) openWindow(n uint32) {
	c.frame(frameWindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, n))
}

func (c *h2Conn) flush() {
	if len(c.out) == 0 || c.gone {
		return
	}
	if _, err := c.sock.write(c.out); err != nil {
		c.fail("send: %w", err)
	}
	c.out = c.out[:0]
}

func (c *h2Conn) ready(uint32) {
	c.reading = true
	buf := c.loop.scratch
	for !c.gone {
		n, err := c.sock.read(buf)
		t := now()
		if err == errWouldBlock {
			break
		}
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			c.fail("receive: %w", err)
			break
		}
		c.receive(buf[:n], t)
		if c.sock.drained(n, len(buf)) {
			break
		}
	}
	c.reading = false
	c.flush()
}

// receive handles the complete frames in p and keeps the rest.
func (c *h2Conn) receive(p []byte, t int64) {
	if len(c.in) > 0 {
		c.in = append(c.in, p...)
		p = c.in
	}
	for len(p) >= frameHeadSize && !c.gone {
		n := int(p[0])<<16 | int(p[1])<<8 | int(p[2])
		if len(p) < frameHeadSize+n {
			break
		}
		id := binary.BigEndian.Uint32(p[5:]) & maxWindow
		c.handle(p[3], p[4], id, p[frameHeadSize:frameHeadSize+n], t)
		p = p[frameHeadSize+n:]
	}
	c.in = append(c.in[:0], p...)
}

func (c *h2Conn) handle(kind, flags byte, id uint32, p []byte, t int64) {
	switch kind {
	case frameData, frameHeaders:
		ln := c.streams[id]
		if ln == nil {
			c.fail("frame for stream %d, which is not open", id)
			return
		}
		if flags&flagPadded != 0 {
			c.fail("padded frame")
			return
		}
		if kind == frameHeaders {
			ln.head(p, flags)
		} else {
			c.eat(int64(len(p)))
			if len(p) > 0 {
				ln.rc.data(p, t)
			}
		}
		if flags&flagEndStream != 0 && !c.gone {
			delete(c.streams, id)
			rc := ln.rc
			ln.rc = nil
			rc.end(t)
		}
	case frameSettings:
		if flags&flagAck == 0 {
			c.frame(frameSettings, flagAck, 0, nil)
		}
	case framePing:
		if flags&flagAck == 0 {
			c.frame(framePing, flagAck, 0, p)
		}
	case frameWindowUpdate:
		if id == 0 {
			c.window += int64(binary.BigEndian.Uint32(p) & maxWindow)
		}
	case frameRST:
		// NO_ERROR after a complete answer means: keep the rest of your request.
		if c.streams[id] != nil {
			c.fail("stream %d reset, code %d", id, binary.BigEndian.Uint32(p))
		}
	case frameGoAway:
		c.fail("server is going away, code %d %q", binary.BigEndian.Uint32(p[4:]), p[8:])
	}
}

// head checks a response's header block: a 200, and complete. A block may
// begin with changes of the table's size (RFC 7541, 6.3); then 0x88 is
// ":status 200" in the static table, which every encoder uses.
func (ln *h2Lane) head(p []byte, flags byte) {
	if ln.started {
		return // trailers
	}
	ln.started = true
	for len(p) > 0 && p[0]&0xe0 == 0x20 {
		more := p[0]&0x1f == 0x1f
		p = p[1:]
		for more && len(p) > 0 {
			more = p[0]&0x80 != 0
			p = p[1:]
		}
	}
	if flags&flagEndHeaders == 0 || len(p) == 0 || p[0] != 0x88 {
		ln.conn.fail("answer is not a 200: header block %.32x", p)
	}
}

// eat counts what was received and opens the window again in time.
func (c *h2Conn) eat(n int64) {
	c.eaten += n
	if c.eaten > maxWindow/2 {
		c.openWindow(uint32(c.eaten))
		c.eaten = 0
	}
}
