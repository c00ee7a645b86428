package server

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
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
		for offered, want := range map[string]string{"h2": "h2", "http/1.1": "http/1.1", "": ""} {
			c := &tls.Config{RootCAs: testCertificate().pool}
			if offered != "" {
				c.NextProtos = []string{offered}
			}
			conn, err := tls.Dial("tcp", g.addr, c)
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().NegotiatedProtocol; got != want {
				t.Errorf("offered %q, got %q", offered, got)
			}
			conn.Close()
		}
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
