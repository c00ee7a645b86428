package server

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestPlainHTTPToTheTLSPortGets400(t *testing.T) {
	over(t, []transport{overTLS}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		for _, request := range []string{
			"GET /api HTTP/1.1\r\nHost: g\r\n\r\n",
			"POST /api HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\nhi",
			"PATCH /api HTTP/1.1\r\nHost: g\r\n\r\n",
			"OPTIONS /api HTTP/1.1\r\nHost: g\r\n\r\n",
		} {
			c := g.dialTCP()
			io.WriteString(c, request)
			b := make([]byte, 1000)
			n, err := c.Read(b)
			if want := "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"; string(b[:n]) != want {
				t.Errorf("%.10s: got %q, %v", request, b[:n], err)
			}
		}
		g.get("/api").ok(t)
	})
}

func TestGarbageToTheTLSPortGetsNoHTTP(t *testing.T) {
	over(t, []transport{overTLS}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		c := g.dialTCP()
		io.WriteString(c, "SSH-2.0-OpenSSH_9\r\n")
		if got, err := io.ReadAll(c); isTimeout(err) || strings.Contains(string(got), "HTTP") {
			t.Errorf("got %q, %v", got, err)
		}
		g.get("/api").ok(t)
	})
}

func TestTLS12IsTheMinimum(t *testing.T) {
	over(t, []transport{overTLS}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		for version, served := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			c, err := tls.Dial("tcp", g.addr, &tls.Config{RootCAs: testCertificate().pool, MinVersion: version, MaxVersion: version})
			if (err == nil) != served {
				t.Errorf("%s: %v", tls.VersionName(version), err)
			}
			if err == nil {
				c.Close()
			}
		}
	})
}

func TestALPNChoosesTheProtocol(t *testing.T) {
	over(t, []transport{overTLS}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		for _, row := range []struct{ offered, want string }{
			{"h2", "h2"},
			{"http/1.1", "http/1.1"},
			{"h2 http/1.1", "h2"},
			{"http/1.1 h2", "h2"}, // the server chooses (RFC 7301 section 3.2)
			{"spdy/3 http/1.1", "http/1.1"},
			{"", ""},
		} {
			if got := g.dialTLS(strings.Fields(row.offered)...).ConnectionState().NegotiatedProtocol; got != row.want {
				t.Errorf("offered %q, got %q, want %q", row.offered, got, row.want)
			}
		}
		if c, err := tls.Dial("tcp", g.addr, &tls.Config{RootCAs: testCertificate().pool, NextProtos: []string{"spdy/3"}}); err == nil {
			c.Close()
			t.Error("a client that speaks none of ours was let in")
		}
	})
}

// dialTLS opens a connection to the gateway that offers these protocols.
func (g *rig) dialTLS(protocols ...string) *tls.Conn {
	g.t.Helper()
	c := tls.Client(g.dialTCP(), &tls.Config{RootCAs: testCertificate().pool, ServerName: "127.0.0.1", NextProtos: protocols})
	if err := c.Handshake(); err != nil {
		g.t.Fatal(err)
	}
	return c
}

// Over TLS it is ALPN's to choose HTTP/2 (RFC 9113 section 3.3), so a client
// that speaks what was not chosen is told at once that it is not spoken here.
func TestProtocolThatALPNDidNotChooseIsRefusedAtOnce(t *testing.T) {
	const prior = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	const refused = "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	over(t, []transport{overTLS}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		for _, offered := range []string{"http/1.1", ""} {
			c := g.dialTLS(strings.Fields(offered)...)
			c.SetDeadline(time.Now().Add(promptly))
			io.WriteString(c, prior)
			if got, err := io.ReadAll(c); string(got) != refused || err != nil {
				t.Errorf("a preface where ALPN chose %q: got %q, %v", offered, got, err)
			}
		}
		c := g.dialTLS("h2")
		c.SetDeadline(time.Now().Add(promptly))
		io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
		if got, err := io.ReadAll(c); isTimeout(err) || strings.Contains(string(got), "200 OK") {
			t.Errorf("HTTP/1.1 where ALPN chose h2: got %q, %v", got, err)
		}
		g.get("/api").ok(t)
	})
}

func TestBrokenHandshakeDisturbsNobody(t *testing.T) {
	over(t, []transport{overTLS, http2TLS}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		for range 5 {
			c := g.dialTCP()
			c.Write([]byte("\x16\x03\x01\x00\x10"))
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		g.get("/api").ok(t)
	})
}
