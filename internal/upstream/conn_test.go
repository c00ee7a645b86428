//go:build unix

package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"ai-gw-lite/internal/testcert"
	"ai-gw-lite/internal/wire"
)

// dialPool opens a connection of the pool's.
func dialPool(t *testing.T, p *Pool) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	c, err := p.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// answering plays an upstream that sends each connection the given bytes once
// it has read something, and then waits for the other side to close.
func answering(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			io.WriteString(conn, answer)
			drain(conn)
		}
	}
}

// ask sends a request and reads the answer's head.
func ask(t *testing.T, c *Conn, toHead bool) {
	t.Helper()
	if err := c.Write([]byte("G")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadHead(toHead); err != nil {
		t.Fatal(err)
	}
}

// readOn reads the body to its end.
func readOn(t *testing.T, c *Conn) string {
	t.Helper()
	var body strings.Builder
	for !c.BodyDone() {
		p, err := c.Next()
		for _, d := range p.Data {
			body.Write(d)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return body.String()
}

func TestResponseHeadsAreReadOneByOne(t *testing.T) {
	const answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	c := dialPool(t, NewPool(NewDialer(nil), &Endpoint{Address: serve(t, answering(answer))}))
	ask(t, c, false)
	for _, status := range []int{100, 103} {
		if c.Head.Status != status || !c.Head.IsInterim() || !c.BodyDone() {
			t.Errorf("status %d, interim %v, body done %v; want %d", c.Head.Status, c.Head.IsInterim(), c.BodyDone(), status)
		}
		if _, err := c.ReadHead(false); err != nil {
			t.Fatal(err)
		}
	}
	if body := readOn(t, c); c.Head.Status != 200 || body != "hello" {
		t.Errorf("status %d, body %q", c.Head.Status, body)
	}
}

func TestAnswerThatFailsSaysWhetherItHadBegun(t *testing.T) {
	for _, x := range []struct {
		name, answer string
		silent       bool
	}{
		{"nothing", "", true},
		{"half a head", "HTTP/1.1 200", false},
		{"one byte", "H", false},
		{"garbage", "220 mail.example ESMTP\r\n\r\n", false},
		{"bare LF", "HTTP/1.1 200 OK\n\n", false},
		{"two framings", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", false},
		{"too large a head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", wire.MaxResponseHead), false},
	} {
		t.Run(x.name, func(t *testing.T) {
			address := serve(t, func(conn net.Conn) {
				conn.Read(make([]byte, 1))
				io.WriteString(conn, x.answer)
				conn.(*net.TCPConn).CloseWrite()
				drain(conn)
			})
			c := dialPool(t, NewPool(NewDialer(nil), &Endpoint{Address: address}))
			c.Write([]byte("G"))
			silent, err := c.ReadHead(false)
			if err == nil || silent != x.silent {
				t.Errorf("silent %v, error %v", silent, err)
			}
			var malformed *wire.Error
			if x.silent && errors.As(err, &malformed) {
				t.Errorf("silence is taken for a malformed head: %v", err)
			}
			c.Close()
		})
	}
}

func TestConnectionIsReusedOnlyIfItsExchangeEndedCleanly(t *testing.T) {
	const all = -1
	for _, x := range []struct {
		name, answer string
		toHead       bool
		pieces       int // how much of the body is read; all: to its end
		reused       bool
	}{
		{"by length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, all, true},
		{"no bytes", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, all, true},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: v\r\n\r\n", false, all, true},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", false, all, true},
		{"to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, all, true},
		{"HTTP/1.0 that keeps it alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", false, all, true},

		{"close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", false, all, false},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, all, false},
		{"an unread body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 0, false},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", false, 1, false},
		{"half a chunked body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false, 1, false},
		{"bytes behind the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n", false, all, false},
		{"a body behind a 204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", false, all, false},
		{"a body behind an answer to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, all, false},
		{"a tunnel", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false, all, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			ca := testcert.New()
			for scheme, e := range map[string]*Endpoint{
				"http":  {Address: serve(t, answering(x.answer))},
				"https": {Address: serve(t, overTLS(certified(ca, "up.test"), answering(x.answer))), ServerName: "up.test", TLS: true},
			} {
				p := NewPool(NewDialer(ca.Pool()), e)
				c := dialPool(t, p)
				ask(t, c, x.toHead)
				for range x.pieces {
					if _, err := c.Next(); err != nil {
						t.Fatal(err)
					}
				}
				if x.pieces == all {
					readOn(t, c)
				}
				c.Release()
				if n := len(p.idle); n > 0 != x.reused {
					t.Errorf("%s: %d connections are idle", scheme, n)
				}
				got := p.Idle()
				if got != nil {
					t.Cleanup(got.Close)
				}
				if x.reused && (got != c || !got.Reused) || !x.reused && got != nil {
					t.Errorf("%s: the pool gives %v, reused %v; want it reused: %v", scheme, got != nil, got != nil && got.Reused, x.reused)
				}
				if !x.reused && !c.IsStale() {
					t.Errorf("%s: the connection was left open", scheme)
				}
			}
		})
	}
}

func TestConnectionCarriesOneExchangeAfterAnother(t *testing.T) {
	ca := testcert.New()
	play := func(conn net.Conn) {
		for {
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		}
	}
	for _, e := range []*Endpoint{
		{Address: serve(t, play)},
		{Address: serve(t, overTLS(certified(ca, "up.test"), play)), ServerName: "up.test", TLS: true},
	} {
		p := NewPool(NewDialer(ca.Pool()), e)
		c := dialPool(t, p)
		for i := range 5 {
			ask(t, c, false)
			if body := readOn(t, c); body != "hello" {
				t.Fatalf("exchange %d: body %q", i, body)
			}
			c.Release()
			if again := p.Idle(); again != c {
				t.Fatalf("exchange %d: the connection did not come back", i)
			}
		}
	}
}

// TLS reads ahead: a second answer that came in one segment with the first lies
// where neither the connection's buffer nor a look at the socket shows it. It
// must not become the answer to another request.
func TestSecondAnswerNeverReachesTheNextRequest(t *testing.T) {
	ca := testcert.New()
	config := certified(ca, "up.test")
	address := serve(t, func(conn net.Conn) {
		segment := &oneSegment{Conn: conn}
		secured := tls.Server(segment, config)
		if _, err := secured.Read(make([]byte, 1)); err != nil {
			return
		}
		segment.joining = true
		io.WriteString(secured, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		io.WriteString(secured, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		conn.Write(segment.joined)
		drain(conn)
	})
	p := NewPool(NewDialer(ca.Pool()), &Endpoint{Address: address, ServerName: "up.test", TLS: true})
	c := dialPool(t, p)
	ask(t, c, false)
	if body := readOn(t, c); body != "hello" {
		t.Fatalf("body %q", body)
	}
	c.Release()
	if again := p.Idle(); again != nil && !again.IsStale() {
		again.Close()
		t.Error("a connection that holds a second answer is reused")
	}
}
