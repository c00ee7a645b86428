package soak

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// client1 is a client that speaks HTTP/1.1 and keeps its connection for as
// long as the gateway does.
type client1 struct {
	to    *process
	conn  net.Conn // nil: none
	below net.Conn // TCP
	r     *bufio.Reader
	used  bool      // an exchange has gone well on it
	held  io.Reader // the answer that the provider holds
	allow chan bool // told whether the body that was announced is wanted
}

func (c *client1) dial() error {
	below, err := net.DialTimeout("tcp", c.to.address, patience)
	if err != nil {
		return err
	}
	c.below, c.conn, c.used = below, below, false
	if c.to.secure {
		s := tls.Client(below, &tls.Config{InsecureSkipVerify: true})
		s.SetDeadline(time.Now().Add(patience))
		if err := s.Handshake(); err != nil {
			below.Close()
			c.conn = nil
			return fmt.Errorf("TLS handshake: %w", err)
		}
		c.conn = s
	}
	c.r = bufio.NewReader(c.conn)
	return nil
}

// wait is patient from now on.
func (c *client1) wait() { c.conn.SetDeadline(time.Now().Add(patience)) }

// drop closes the connection.
func (c *client1) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// leave goes away as the plan says.
func (c *client1) leave(p *plan) {
	if p.Leave == "reset" {
		c.below.(*net.TCPConn).SetLinger(0)
		c.below.Close()
	}
	c.drop()
}

func (c *client1) head(p *plan, lines ...string) string {
	lines = append([]string{
		fmt.Sprintf("%s /%s/%d HTTP/1.1", p.Method, p.Route, p.ID),
		"Host: gateway",
		"Authorization: Bearer " + token,
		"X-Plan: " + p.header(),
	}, lines...)
	if p.Session != "" {
		lines = append(lines, sessionKey+": "+p.Session)
	}
	return strings.Join(append(lines, "", ""), "\r\n")
}

func (c *client1) do(p *plan) (o outcome) {
	if c.conn == nil {
		if o.none = c.dial(); o.none != nil {
			return o
		}
	}
	o.moves = c.wait
	c.wait()
	if p.isWebSocket() {
		return c.webSocket(p, o)
	}
	if p.When == "head" {
		head := c.head(p)
		io.WriteString(c.conn, head[:p.rand(3).IntN(len(head)-1)])
		c.leave(p)
		return outcome{left: true}
	}
	c.allow = make(chan bool, 2)
	sent, conn := make(chan error, 1), c.conn
	go func() { sent <- c.send(conn, p) }()
	switch p.When {
	case "sending":
		o.unsent = <-sent
		c.leave(p)
		o.left = true
		return o
	case "waiting":
		time.Sleep(time.Duration(p.rand(3).IntN(50)) * time.Millisecond)
		c.leave(p)
		<-sent
		o.left = true
		return o
	}
	res, err := c.response(p)
	if err != nil {
		if c.used {
			err = fmt.Errorf("on a connection that was kept: %w", err)
		}
		c.drop()
		<-sent
		o.none = err
		return o
	}
	o.receive(p, res)
	if o.left || o.wrong != nil || o.broken != nil {
		c.leave(p)
		<-sent
		return o
	}
	o.unsent = <-sent
	if n := c.r.Buffered(); n > 0 {
		rest, _ := c.r.Peek(n)
		o.wrong = fmt.Errorf("after the answer came %.100q", rest)
	}
	if c.used = true; res.Close || o.unsent != nil {
		c.drop()
	}
	return o
}

// response reads the head of the answer, past interim ones.
func (c *client1) response(p *plan) (*http.Response, error) {
	defer c.tell(false)
	for {
		res, err := http.ReadResponse(c.r, &http.Request{Method: p.Method})
		if err != nil || res.StatusCode >= 200 {
			return res, err
		}
		if res.StatusCode == http.StatusContinue {
			c.tell(true)
		}
	}
}

// tell tells the sender whether the body is wanted, if it waits for that.
func (c *client1) tell(wanted bool) {
	select {
	case c.allow <- wanted:
	default:
	}
}

// send writes the request, in pieces, up to where the client leaves.
func (c *client1) send(conn net.Conn, p *plan) error {
	var framing []string
	switch {
	case p.Up > 0 && p.UpChunked:
		framing = []string{"Transfer-Encoding: chunked"}
	case p.Up > 0:
		framing = []string{fmt.Sprint("Content-Length: ", p.Up)}
	}
	if p.Manner == "expect" {
		framing = append(framing, "Expect: 100-continue")
	}
	out := []byte(c.head(p, framing...))
	if p.Manner == "expect" {
		if _, err := conn.Write(out); err != nil {
			return err
		}
		if out = nil; !<-c.allow {
			return errNotWanted
		}
	}
	r, upload, end := p.rand(4), p.upload(), p.Up
	if p.When == "sending" {
		end = p.LeaveAt
	}
	for left := end; left > 0; {
		n := min(left, pieceSize(r))
		if p.UpChunked {
			out = fmt.Appendf(out, "%x\r\n", n)
		}
		at := len(out)
		out = append(out, make([]byte, n)...)
		upload.next(out[at:])
		if p.UpChunked {
			out = append(out, "\r\n"...)
		}
		left -= n
		if r.IntN(2) == 0 {
			if _, err := conn.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	if p.UpChunked && p.Up > 0 && p.When != "sending" {
		out = append(out, "0\r\n\r\n"...)
	}
	_, err := conn.Write(out)
	return err
}

var errNotWanted = errors.New("the answer came without 100 Continue")

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
