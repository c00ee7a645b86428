package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patienceOfTests bounds whatever a test waits for, so that a broken promise
// is a failure and not a hang.
const patienceOfTests = 10 * time.Second

// scriptedUpstream is an upstream that reads requests strictly and answers
// with what a test's script writes on the socket, byte by byte.
type scriptedUpstream struct {
	t        *testing.T
	listener net.Listener
	script   func(*upstreamConn, *upstreamRequest)

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	heads []*upstreamRequest
	count int // connections ever accepted
	done  sync.WaitGroup
}

// upstreamConn is one connection to a scriptedUpstream.
type upstreamConn struct {
	net.Conn
	t     *testing.T
	r     *bufio.Reader
	ended bool // the script has ended the connection
}

// upstreamRequest is a request as the upstream got it.
type upstreamRequest struct {
	head           string // with its empty line
	method, target string
	lines          []string // header lines, as they came
	onConn         int      // which connection it came on, from 1
	body           string   // what readBody read
	bodyRead       bool
}

// newUpstream starts an upstream; script is called for each request's head, on
// one goroutine a connection.
func newUpstream(t *testing.T, script func(*upstreamConn, *upstreamRequest)) *scriptedUpstream {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startUpstream(t, ln, script)
}

func startUpstream(t *testing.T, ln net.Listener, script func(*upstreamConn, *upstreamRequest)) *scriptedUpstream {
	u := &scriptedUpstream{t: t, listener: ln, script: script, conns: make(map[net.Conn]struct{})}
	u.done.Add(1)
	go u.accept()
	t.Cleanup(u.close)
	return u
}

// answering is an upstream that reads each request and answers it with the
// same bytes.
func answering(t *testing.T, answer string) *scriptedUpstream {
	return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.readBody(r)
		c.send(answer)
	})
}

// listen serves connections with what is no HTTP upstream; handle may leave
// closing to it. It returns the address.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patienceOfTests))
				handle(c)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); done.Wait() })
	return ln.Addr().String()
}

// closedPort is a base URL at which nobody listens for as long as the test
// lasts: a connection holds the port, so that no other listener is given it.
func closedPort(t *testing.T) string {
	t.Helper()
	taken := make(chan struct{})
	addr := listen(t, func(c net.Conn) { close(taken); io.Copy(io.Discard, c) })
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	<-taken // or its goroutine could begin in the middle of a test that counts them
	return "http://" + c.LocalAddr().String()
}

func (u *scriptedUpstream) base() string { return "http://" + u.listener.Addr().String() }

func (u *scriptedUpstream) accept() {
	defer u.done.Done()
	for {
		c, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.conns[c] = struct{}{}
		u.count++
		n := u.count
		u.mu.Unlock()
		u.done.Add(1)
		go func() {
			defer u.done.Done()
			u.serve(&upstreamConn{Conn: c, t: u.t, r: bufio.NewReader(c)}, n)
			c.Close()
			u.mu.Lock()
			delete(u.conns, c)
			u.mu.Unlock()
		}()
	}
}

func (u *scriptedUpstream) serve(c *upstreamConn, onConn int) {
	for !c.ended {
		r, err := readRequest(c.r)
		if errors.Is(err, errMalformed) {
			u.t.Errorf("the upstream got %v", err)
		}
		if err != nil {
			return
		}
		r.onConn = onConn
		u.mu.Lock()
		u.heads = append(u.heads, r)
		u.mu.Unlock()
		u.script(c, r)
		if !c.ended && !r.bodyRead {
			c.readBody(r)
		}
	}
}

func (u *scriptedUpstream) close() {
	u.listener.Close()
	u.mu.Lock()
	for c := range u.conns {
		c.Close()
	}
	u.mu.Unlock()
	done := make(chan struct{})
	go func() { u.done.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patienceOfTests):
		u.t.Error("a script of the upstream's goes on after the test")
	}
}

// requests is what has come so far.
func (u *scriptedUpstream) requests() []*upstreamRequest {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*upstreamRequest(nil), u.heads...)
}

// only is the one request that came.
func (u *scriptedUpstream) only() *upstreamRequest {
	u.t.Helper()
	all := u.requests()
	if len(all) != 1 {
		u.t.Fatalf("the upstream got %d requests, want 1", len(all))
	}
	return all[0]
}

func readRequest(r *bufio.Reader) (*upstreamRequest, error) {
	head, err := readHead(r)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	part := strings.Split(lines[0], " ")
	if len(part) != 3 || part[2] != "HTTP/1.1" {
		return nil, fmt.Errorf("%w: request line %q", errMalformed, lines[0])
	}
	req := &upstreamRequest{head: head, method: part[0], target: part[1], lines: lines[1:]}
	framings := len(req.all("Content-Length")) + len(req.all("Transfer-Encoding"))
	if len(req.all("Host")) != 1 || framings > 1 {
		return nil, fmt.Errorf("%w: not one Host, or more than one framing: %q", errMalformed, head)
	}
	return req, nil
}

var errMalformed = errors.New("a malformed request")

// readHead reads up to an empty line; every line must end with CR LF.
func readHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		switch {
		case err != nil:
			return head.String(), err
		case !strings.HasSuffix(line, "\r\n"):
			return head.String(), fmt.Errorf("%w: a line without CR LF: %q", errMalformed, line)
		case line == "\r\n":
			return head.String(), nil
		}
	}
}

// all is every value of a header, in order.
func (r *upstreamRequest) all(name string) []string { return valuesOf(r.lines, name) }

// get is a header's first value, empty if it did not come.
func (r *upstreamRequest) get(name string) string {
	if v := r.all(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func (r *upstreamRequest) has(name string) bool { return len(r.all(name)) > 0 }

func valuesOf(lines []string, name string) (values []string) {
	for _, l := range lines {
		if n, v, _ := strings.Cut(l, ":"); strings.EqualFold(n, name) {
			values = append(values, strings.TrimPrefix(v, " "))
		}
	}
	return values
}

// readBody reads the request's body to its end. An error is the end of the
// connection or malformed framing.
func (c *upstreamConn) readBody(r *upstreamRequest) error {
	if r.bodyRead {
		return nil
	}
	r.bodyRead = true
	var b []byte
	var err error
	switch {
	case r.get("Transfer-Encoding") == "chunked":
		if b, err = io.ReadAll(httputil.NewChunkedReader(c.r)); err == nil {
			_, err = c.r.Discard(len("\r\n"))
		}
	case r.has("Content-Length"):
		n, _ := strconv.Atoi(r.get("Content-Length"))
		b = make([]byte, n)
		n, err = io.ReadFull(c.r, b)
		b = b[:n]
	}
	r.body = string(b)
	c.ended = c.ended || err != nil
	return err
}

// send writes bytes as they are. That the gateway has gone is no failure of
// the script's.
func (c *upstreamConn) send(s string) {
	c.SetWriteDeadline(time.Now().Add(patienceOfTests))
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.ended = true
	}
}

// sendChunk sends one chunk of a chunked body.
func (c *upstreamConn) sendChunk(s string) { c.send(chunk(s)) }

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// hangUp closes the connection in good order.
func (c *upstreamConn) hangUp() {
	c.ended = true
	c.Close()
}

// reset closes the connection with a TCP reset.
func (c *upstreamConn) reset() {
	c.ended = true
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// awaitClosed blocks until the gateway has closed the connection. It fails the
// test if that takes longer than promptly, in which a person would call it at once.
func (c *upstreamConn) awaitClosed() {
	c.ended = true
	c.SetReadDeadline(time.Now().Add(promptly))
	if _, err := io.Copy(io.Discard, c.r); isTimeout(err) {
		c.t.Errorf("the gateway still held its upstream connection after %v", promptly)
	}
}

// awaitGatewayGone blocks until the gateway has closed the connection, for as
// long as the test lasts.
func (c *upstreamConn) awaitGatewayGone() {
	c.ended = true
	io.Copy(io.Discard, c.r)
}

// promptly is what "at once" may take on a busy machine. It is far below every
// timeout that could bring the same end about.
const promptly = 3 * time.Second

func isTimeout(err error) bool {
	n, ok := err.(net.Error)
	return ok && n.Timeout()
}

const (
	okAnswer  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
	eventHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	lastChunk = "0\r\n\r\n"
)

// quietTime is how long nothing must happen for a flow to count as stopped.
const quietTime = 300 * time.Millisecond

// stalled writes a piece of a body and reports that the gateway stopped
// taking it.
func (c *upstreamConn) stalled(piece []byte) bool {
	c.SetWriteDeadline(time.Now().Add(quietTime))
	_, err := c.Write(piece)
	return err != nil
}

// waitFor lets time pass in which nothing is to happen.
func waitFor(d time.Duration) { <-time.After(d) }

// countedZeros is an endless body.
type countedZeros struct{ n atomic.Int64 }

func (z *countedZeros) Read(p []byte) (int, error) {
	clear(p)
	z.n.Add(int64(len(p)))
	return len(p), nil
}

// settles fails the test unless the body stops being read: what is on the way
// fills the sockets' buffers, then nothing more is taken.
func (z *countedZeros) settles(t *testing.T) {
	t.Helper()
	last := int64(-1)
	if !within(patienceOfTests, func() bool {
		n := z.n.Load()
		quiet := n == last && n > 0
		last = n
		waitFor(quietTime)
		return quiet
	}) {
		t.Errorf("the upload never stopped: %d bytes were taken", last)
	}
}
