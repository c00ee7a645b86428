package soak

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// provider is the upstream of every route. It does what each request's plan
// says and checks what arrives.
type provider struct {
	tally *tally
	clear string // address of the one that speaks plain HTTP
	tls   string
	// The same for fickle plans, which leave connections in bad shape.
	fickleClear, fickleTLS string

	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	attempts map[uint64]*attempts // by turn
	places   map[string]string    // where a session is
	release  chan struct{}        // closed when held answers may end
}

func startProvider(t *testing.T, y *tally, certificate tls.Certificate) *provider {
	u := &provider{tally: y, conns: make(map[net.Conn]struct{}), attempts: make(map[uint64]*attempts), places: make(map[string]string)}
	listen := func(secure *tls.Config) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go u.serve(ln, secure)
		return ln.Addr().String()
	}
	secure := &tls.Config{Certificates: []tls.Certificate{certificate}}
	u.clear, u.fickleClear = listen(nil), listen(nil)
	u.tls, u.fickleTLS = listen(secure), listen(secure)
	t.Cleanup(u.hangUp)
	return u
}

func (u *provider) serve(ln net.Listener, secure *tls.Config) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.conns[c] = struct{}{}
		u.mu.Unlock()
		go func() {
			u.serveConn(c, secure)
			c.Close()
			u.mu.Lock()
			delete(u.conns, c)
			u.mu.Unlock()
		}()
	}
}

// open is how many connections the gateways hold.
func (u *provider) open() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.conns)
}

// hangUp closes all of them.
func (u *provider) hangUp() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		c.Close()
	}
}

// upstreamConn is one connection of a gateway's.
type upstreamConn struct {
	net.Conn
	below net.Conn // TCP
	r     *bufio.Reader
	u     *provider
}

func (u *provider) serveConn(below net.Conn, secure *tls.Config) {
	c := &upstreamConn{Conn: below, below: below, u: u}
	if secure != nil {
		s := tls.Server(below, secure)
		s.SetDeadline(time.Now().Add(patience))
		if s.Handshake() != nil {
			return
		}
		s.SetDeadline(time.Time{})
		c.Conn = s
	}
	defer c.Conn.Close()
	c.r = bufio.NewReader(c.Conn)
	for {
		req, err := http.ReadRequest(c.r)
		if err != nil {
			if err != io.EOF && !errors.Is(err, net.ErrClosed) && !isReset(err) && err != io.ErrUnexpectedEOF {
				u.tally.problem("a request that net/http does not understand: %v", err)
			}
			return
		}
		if !c.exchange(req) {
			return
		}
	}
}

// exchange answers one request. False says that the connection is over.
func (c *upstreamConn) exchange(req *http.Request) bool {
	var p plan
	if err := json.Unmarshal([]byte(req.Header.Get("X-Plan")), &p); err != nil {
		c.u.tally.problem("a request without its plan: %v", err)
		return false
	}
	if p.Kind == holding {
		return c.hold()
	}
	if err := c.u.checkHead(req, &p); err != nil {
		c.u.tally.failed(&p, "the upstream got %v", err)
	}
	attempt, err := c.u.count(req, &p)
	if err != nil {
		c.u.tally.failed(&p, "the upstream got %v", err)
	}
	if attempt <= p.Refusals {
		return c.refuse(req, &p)
	}
	if p.isWebSocket() {
		c.webSocket(req, &p)
		return false
	}
	switch p.Manner {
	case "reset first":
		c.reset()
		return false
	case "reset once":
		if attempt == 1 {
			c.reset()
			return false
		}
	case "early", "gone":
		c.answer(&p, nil)
		if p.Manner == "gone" {
			return false
		}
	case "expect":
		if req.Header.Get("Expect") != "100-continue" {
			c.u.tally.failed(&p, "its request arrived without Expect")
		}
		io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
	case "duplex":
		answered, arrived := make(chan bool), make(chan struct{})
		go func() { answered <- c.answer(&p, arrived) }()
		read := c.readBody(req, &p)
		close(arrived)
		return <-answered && read
	}
	if !c.readBody(req, &p) {
		return false
	}
	switch p.Manner {
	case "early":
		return true
	case "garbage":
		io.WriteString(c, letters[p.ID%60:]+"\r\n\r\n")
		return false
	case "stall first":
		c.awaitGone(&p)
		return false
	case "interim":
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
	case "endless":
		c.endless(&p)
		return false
	}
	return c.answer(&p, nil)
}

// checkHead compares a request's head with its plan.
func (u *provider) checkHead(req *http.Request, p *plan) error {
	upstream, key, path, err := who(req, p)
	if err != nil {
		return err
	}
	for name, values := range req.Header {
		if strings.Contains(strings.Join(values, ""), token) {
			return fmt.Errorf("the gateway token in %s", name)
		}
	}
	if req.Method != p.Method || path != fmt.Sprint("/", p.ID) {
		return fmt.Errorf("%s %s", req.Method, req.URL.Path)
	}
	length := p.Up
	if p.isWebSocket() {
		length = 0
	}
	if p.UpChunked && p.Up > 0 {
		length = -1
	}
	if req.ContentLength != length {
		return fmt.Errorf("Content-Length %d, want %d", req.ContentLength, length)
	}
	if p.Session != "" {
		return u.stays(p.Session, upstream+" "+key)
	}
	return nil
}

// readBody checks the request's body to its end. False says that it broke off.
func (c *upstreamConn) readBody(req *http.Request, p *plan) bool {
	want, got := p.upload(), int64(0)
	buffer := make([]byte, 32*kib)
	defer c.SetReadDeadline(time.Time{})
	for {
		c.SetReadDeadline(time.Now().Add(patience))
		n, err := req.Body.Read(buffer)
		if bad := want.take(buffer[:n]); bad != nil {
			c.u.tally.failed(p, "its upload arrived damaged: %v", bad)
			return false
		}
		got += int64(n)
		switch {
		case err == io.EOF && got == p.Up:
			return true
		case err == io.EOF:
			c.u.tally.failed(p, "its upload of %d bytes broke off after %d and looks complete", p.Up, got)
			return false
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.u.tally.failed(p, "its upload hangs after %d of %d bytes", got, p.Up)
			return false
		case err != nil:
			if p.Leave == "" && p.Manner != "early" && !p.Early {
				c.u.tally.failed(p, "its upload broke off after %d of %d bytes: %v", got, p.Up, err)
			}
			return false
		}
	}
}

// answer sends what the plan says, its end only after hold has been closed, if
// there is one: an answer that has ended ends its request. False says that the
// connection is over.
func (c *upstreamConn) answer(p *plan, hold <-chan struct{}) bool {
	head := fmt.Sprintf("HTTP/1.1 %d Fine\r\nX-Id: %d\r\n", p.status(), p.ID)
	if p.Stream {
		head += "Content-Type: text/event-stream\r\n"
	} else {
		head += "Content-Type: application/json\r\n"
	}
	switch p.Framing {
	case "length":
		head += fmt.Sprintf("Content-Length: %d\r\n", p.Down)
	case "chunked":
		head += "Transfer-Encoding: chunked\r\n"
	}
	if p.Framing == "close" || p.Manner == "gone" {
		head += "Connection: close\r\n"
	}
	w := &answerWriter{c: c, p: p, out: []byte(head + "\r\n"), body: p.answer()}
	if p.Method == "HEAD" || p.Framing == "none" {
		return w.flush()
	}
	if !w.run(hold) {
		return false
	}
	return p.Framing != "close" && p.Manner != "hang up" && p.Manner != "gone"
}

// endless streams until the gateway closes the connection, which it must do
// soon after its client has gone.
func (c *upstreamConn) endless(p *plan) {
	w := &answerWriter{c: c, p: p, body: p.answer(), out: fmt.Appendf(nil,
		"HTTP/1.1 200 OK\r\nX-Id: %d\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", p.ID)}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		w.piece(line)
		if !w.flush() {
			return
		}
	}
	c.u.tally.failed(p, "its client left and the upstream still streams")
}

// awaitGone waits for the gateway to close the connection.
func (c *upstreamConn) awaitGone(p *plan) {
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c.r); errors.Is(err, os.ErrDeadlineExceeded) {
		c.u.tally.failed(p, "its upstream still waits, long after it was over")
	}
}

// reset closes the connection with a TCP reset.
func (c *upstreamConn) reset() {
	c.below.(*net.TCPConn).SetLinger(0)
	c.below.Close()
}
