package server

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rawClient is a client that says exactly what a test wants it to say.
type rawClient struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// dialTCP opens a connection to the gateway on which nothing is said yet, TLS
// neither.
func (g *rig) dialTCP() net.Conn {
	g.t.Helper()
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patienceOfTests))
	return c
}

// connect opens a connection to a listener, and returns both of its ends.
func connect(t *testing.T, ln net.Listener) (client, accepted *net.TCPConn) {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	a, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return c.(*net.TCPConn), a.(*net.TCPConn)
}

// dial opens a raw HTTP/1.1 connection to the gateway.
func (g *rig) dial() *rawClient {
	g.t.Helper()
	c := g.dialTCP()
	if g.via.secure {
		secure := tls.Client(c, &tls.Config{RootCAs: testCertificate().pool, ServerName: "127.0.0.1"})
		if err := secure.Handshake(); err != nil {
			g.t.Fatal(err)
		}
		c = secure
	}
	return &rawClient{Conn: c, t: g.t, r: bufio.NewReader(c)}
}

// send writes bytes as they are.
func (c *rawClient) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// trySend writes bytes to a gateway that may have hung up already.
func (c *rawClient) trySend(s string) { io.WriteString(c.Conn, s) }

// ask sends a head made of lines, with Host and token added, and a body.
func (c *rawClient) ask(lines ...string) {
	c.t.Helper()
	c.send(lines[0] + "\r\nHost: gateway\r\nAuthorization: Bearer " + token + "\r\n" + strings.Join(append(lines[1:], "", ""), "\r\n"))
}

// head reads a response head as it came, without its empty line.
func (c *rawClient) head() string {
	c.t.Helper()
	h, err := readHead(c.r)
	if err != nil {
		c.t.Fatalf("read a response head: %v after %q", err, h)
	}
	return strings.TrimSuffix(h, "\r\n\r\n")
}

// answer reads a response to its end.
func (c *rawClient) answer(method string) *answer {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("read a response: %v", err)
	}
	b, err := io.ReadAll(res.Body)
	if len(res.TransferEncoding) > 0 {
		res.Header.Set("Transfer-Encoding", strings.Join(res.TransferEncoding, ", "))
	}
	if res.Close {
		res.Header.Set("Connection", "close")
	}
	return &answer{status: res.StatusCode, header: res.Header, body: string(b), err: err}
}

// rest reads until the connection ends. A nil error is an end in good order.
func (c *rawClient) rest() (string, error) {
	b, err := io.ReadAll(c.r)
	return string(b), err
}

// closed fails the test unless the gateway ends the connection, in good order
// and without another byte.
func (c *rawClient) closed() {
	c.t.Helper()
	if rest, err := c.rest(); rest != "" || err != nil {
		c.t.Errorf("after the answer came %q and %v, want the connection's end", rest, err)
	}
}

// reset goes away with a TCP reset.
func (c *rawClient) reset() {
	below := c.Conn
	if t, ok := below.(*tls.Conn); ok {
		below = t.NetConn()
	}
	below.(*net.TCPConn).SetLinger(0)
	below.Close()
}

// newPipe is a request body that a test writes as it goes. It ends with the
// test if not before.
func newPipe(t *testing.T) *pipe {
	r, w := io.Pipe()
	p := &pipe{r, w}
	t.Cleanup(p.abandon)
	return p
}

type pipe struct {
	*io.PipeReader
	w *io.PipeWriter
}

func (p *pipe) write(s string) { io.WriteString(p.w, s) }
func (p *pipe) end()           { p.w.Close() }

// abandon ends the body in failure: Go's client waits for it even when its
// request was cancelled.
func (p *pipe) abandon() { p.w.CloseWithError(io.ErrUnexpectedEOF) }
