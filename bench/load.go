package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"
)

// target is a proxy as the load generator sees it, or the upstream itself.
type target struct {
	name   string
	addr   netip.AddrPort
	prefix string // in front of the upstream's paths
	auth   string // the client's Authorization
	extra  string // further header lines, each with its CRLF
	tls    *tls.Config
	proc   *process // nil for the upstream itself
}

// request is built once and sent often. upload, if not 0, is the size of a
// pattern body that follows head.
type request struct {
	method, path, auth string
	body               []byte
	upload             int64
	head               []byte // HTTP/1.1: head and body
}

func (t *target) request(method, path string, body []byte, upload int64) *request {
	r := &request{method: method, path: t.prefix + path, auth: t.auth, body: body, upload: upload}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, r.path, t.addr)
	for _, h := range clientHeaders {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	fmt.Fprintf(&b, "Authorization: %s\r\n%s", t.auth, t.extra)
	if n := int64(len(body)) + upload; n > 0 {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", n)
	}
	b.WriteString("\r\n")
	b.Write(body)
	r.head = b.Bytes()
	return r
}

// clientHeaders are what an SDK sends beside.
var clientHeaders = [][2]string{
	{"Accept", "application/json"},
	{"User-Agent", "OpenAI/Python 1.55.0"},
	{"X-Stainless-Lang", "python"},
	{"X-Stainless-Package-Version", "1.55.0"},
	{"X-Stainless-Runtime", "CPython"},
}

// A lane carries one request at a time: an HTTP/1.1 connection, or one stream
// after the other of an HTTP/2 connection.
type lane interface {
	send(r *request, rc receiver)
	close()
}

// A receiver is told what comes back on a lane, framing removed. The status is
// 200: anything else is a failure of the loop. It may send from end.
type receiver interface {
	data(p []byte, now int64)
	end(now int64)
}

// lanes opens n HTTP/1.1 connections to t.
func lanes(l *loop, t *target, n int) ([]lane, error) {
	all := make([]lane, 0, n)
	for i := range n {
		c, err := dialLane(l, t, sourceAddr(i))
		if err != nil {
			closeLanes(all)
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func closeLanes(all []lane) {
	for _, c := range all {
		c.close()
	}
}

// sourceAddr gives each 8,000 connections a loopback address of their own: one
// address has about 28,000 ports for one destination.
func sourceAddr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i/8000)})
}

// connLane is one HTTP/1.1 connection.
type connLane struct {
	loop    *loop
	sock    *sock
	name    string
	gone    bool
	partial []byte // of a head
	rc      receiver
	inBody  bool
	body    body
	unsent  []byte
	upload  int64 // size of the pattern body
	sent    int64 // of it
}

func dialLane(l *loop, t *target, from netip.Addr) (*connLane, error) {
	s, err := dial(t.addr, from, t.tls)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	c := &connLane{loop: l, sock: s, name: t.name}
	if err := l.add(s.fd, c, syscall.EPOLLIN); err != nil {
		return nil, err
	}
	return c, nil
}

// close drops the connection without a TIME_WAIT.
func (c *connLane) close() {
	if c.leave() {
		c.sock.reset()
	}
}

// hangUp closes as a client does that has lost interest.
func (c *connLane) hangUp() {
	if c.leave() {
		c.sock.close()
	}
}

func (c *connLane) leave() bool {
	if c.gone {
		return false
	}
	c.gone = true
	c.loop.remove(c.sock.fd)
	return true
}

func (c *connLane) send(r *request, rc receiver) {
	c.rc, c.inBody = rc, false
	c.upload, c.sent = r.upload, 0
	n, err := c.sock.write(r.head)
	if err == errWouldBlock {
		c.unsent = r.head[n:]
	} else if err != nil {
		c.fail(fmt.Errorf("send: %w", err))
		return
	}
	if len(c.unsent) > 0 || c.upload > 0 {
		c.loop.modify(c.sock.fd, syscall.EPOLLIN|syscall.EPOLLOUT)
	}
}

func (c *connLane) ready(events uint32) {
	if events&syscall.EPOLLOUT != 0 {
		c.writable()
	}
	if events&^syscall.EPOLLOUT == 0 {
		return
	}
	buf := c.loop.scratch
	for !c.gone {
		n, err := c.sock.read(buf)
		t := now()
		if err == errWouldBlock {
			return
		}
		if err != nil {
			c.lost(err)
			return
		}
		c.receive(buf[:n], t)
		if c.sock.drained(n, len(buf)) {
			return
		}
	}
}

// lost ends a connection that the proxy closed. Between requests that is its
// right, but nobody here configures one to: it would spoil the figures.
func (c *connLane) lost(err error) {
	switch {
	case c.rc == nil:
		c.fail(errors.New("idle connection closed by the peer"))
	case err == io.EOF:
		c.fail(errors.New("answer cut off"))
	default:
		c.fail(fmt.Errorf("receive: %w", err))
	}
}

func (c *connLane) fail(err error) {
	c.loop.fail(fmt.Errorf("%s: %w", c.name, err))
	c.close()
}

func (c *connLane) receive(p []byte, t int64) {
	if len(c.partial) > 0 {
		p = append(c.partial, p...)
		c.partial = nil
	}
	for len(p) > 0 && !c.gone {
		if c.rc == nil {
			c.fail(fmt.Errorf("bytes after the answer: %.60q", p))
			return
		}
		if !c.inBody {
			var h head
			n, err := parseHead(p, &h)
			switch {
			case err != nil:
				c.fail(err)
				return
			case n == 0:
				c.partial = bytes.Clone(p)
				return
			case h.status >= 100 && h.status < 200:
				p = p[n:]
				continue
			case h.status != 200:
				c.fail(fmt.Errorf("status %d: %.200q", h.status, p[n:]))
				return
			case h.length < 0 && !h.chunked:
				c.fail(errors.New("answer without a length"))
				return
			}
			p = p[n:]
			c.inBody = true
			c.body.start(&h)
		}
		data, rest, err := c.body.next(p)
		if err != nil {
			c.fail(err)
			return
		}
		if len(data) > 0 {
			c.rc.data(data, t)
		}
		p = rest
		if c.body.done() && !c.gone {
			rc := c.rc
			c.rc = nil
			rc.end(t)
		}
	}
}

// writable sends more of a request: what was left of it, then its upload.
func (c *connLane) writable() {
	p := c.unsent
	uploading := len(p) == 0 && c.sent < c.upload
	if uploading {
		p = patternFrom(c.sent, c.upload-c.sent)
	}
	n, err := c.sock.write(p)
	if err != nil && err != errWouldBlock {
		return // reading will tell why
	}
	if uploading {
		c.sent += int64(n)
	} else {
		c.unsent = p[n:]
	}
	if len(c.unsent) == 0 && c.sent == c.upload {
		c.loop.modify(c.sock.fd, syscall.EPOLLIN)
	}
}
