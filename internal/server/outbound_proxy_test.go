package server

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// passing is an outbound proxy for HTTP that leads everything to addr, and
// answers itself what comes in absolute form.
func passing(t *testing.T, protocol, addr string) *scriptedUpstream {
	script := func(c *upstreamConn, r *upstreamRequest) {
		if r.method != "CONNECT" {
			answerOK(c, r)
			return
		}
		c.ended = true
		c.send("HTTP/1.1 200 Connection established\r\n\r\n")
		joinTo(c.Conn, c.r, addr)
	}
	if protocol == "https" {
		return secured(t, &tls.Config{Certificates: []tls.Certificate{testCertificate().pair}}, script)
	}
	return newUpstream(t, script)
}

// joinTo passes bytes both ways until either side closes.
func joinTo(c net.Conn, r io.Reader, addr string) {
	to, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	over := make(chan struct{})
	go func() { defer close(over); io.Copy(to, r); to.Close() }()
	io.Copy(c, to)
	c.Close()
	to.Close()
	<-over
}

// socks is a SOCKS5 proxy (RFC 1928, RFC 1929) that wants a login and leads
// everything to addr. It tells what it was asked for.
func socks(t *testing.T, addr string) (address string, asked <-chan string) {
	told := make(chan string, 10)
	end, ending := gate(t)
	address = listen(t, func(c net.Conn) {
		go func() { <-ending; c.Close() }() // the gateway keeps it for another request
		r := bufio.NewReader(c)
		read := func(n int) string { b := make([]byte, n); io.ReadFull(r, b); return string(b) }
		text := func() string { n, _ := r.ReadByte(); return read(int(n)) }
		read(1)
		text() // the ways to log in
		c.Write([]byte{5, 2})
		read(1)
		login := text() + ":" + text()
		c.Write([]byte{1, 0})
		kind := read(4)
		host := text()
		port := read(2)
		told <- fmt.Sprintf("%s %q %s:%d", login, kind, host, int(port[0])<<8|int(port[1]))
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		joinTo(c, r, addr)
	})
	t.Cleanup(end)
	return address, told
}

// Names are for the proxy to resolve: the gateway's machine knows none of them.
func TestUpstreamIsReachedThroughTheProxy(t *testing.T) {
	const login = ", username: ops, password: s3cret"
	for _, row := range []struct{ protocol, scheme string }{
		{"http", "http"}, {"http", "https"}, {"https", "http"}, {"https", "https"}, {"socks", "http"}, {"socks", "https"},
	} {
		t.Run(row.protocol+" to "+row.scheme, func(t *testing.T) {
			over(t, clearOrHTTP2, func(t *testing.T, via transport) {
				ours := newAuthority(t)
				u := newUpstream(t, answerOK)
				trust := ""
				if row.scheme == "https" {
					u = secured(t, ours.identityFor("api.invalid"), answerOK)
					trust = fmt.Sprintf(", tls: {ca_path: %q}", ours.path)
				}
				var proxy *scriptedUpstream
				var address string
				var asked <-chan string
				if row.protocol == "socks" {
					address, asked = socks(t, u.listener.Addr().String())
				} else {
					proxy = passing(t, row.protocol, u.listener.Addr().String())
					address = proxy.listener.Addr().String()
				}
				g := run(t, via, `
routes:
  - id: api
    prefix: /api
    upstream:
      base_url: "%s://api.invalid:8181/base"
      inject_headers: [{name: authorization, value: %q}]
      proxy: {protocol: %s, address: %q%s}%s
`, row.scheme, providerKey, row.protocol, address, login, strings.Replace(trust, ", tls:", "\n      tls:", 1))
				for range 2 { // the second perhaps on the connection of the first
					g.post("/api/v1?q=1", "hi").ok(t)
				}
				const basic = "Basic "
				want := basic + base64.StdEncoding.EncodeToString([]byte("ops:s3cret"))
				switch {
				case row.protocol == "socks":
					if got := receive(t, asked, "the proxy to be asked"); got != `ops:s3cret "\x05\x01\x00\x03" api.invalid:8181` {
						t.Errorf("the proxy was asked for %s", got)
					}
				case row.scheme == "https":
					for _, r := range proxy.requests() {
						if r.method != "CONNECT" || r.target != "api.invalid:8181" || r.get("Proxy-Authorization") != want || r.has("Authorization") {
							t.Errorf("the proxy was asked\n%s", r.head)
						}
					}
				default: // it sees every request, whole
					for _, r := range proxy.requests() {
						if r.target != "http://api.invalid:8181/base/v1?q=1" || r.get("Proxy-Authorization") != want || r.get("Host") != "api.invalid:8181" || r.body != "hi" {
							t.Errorf("the proxy was asked\n%s", r.head)
						}
					}
					return
				}
				for _, r := range u.requests() {
					if r.target != "/base/v1?q=1" || r.get("Authorization") != providerKey || r.has("Proxy-Authorization") || r.body != "hi" {
						t.Errorf("the upstream got\n%s", r.head)
					}
				}
				if n := len(u.requests()); n != 2 {
					t.Errorf("the upstream got %d requests", n)
				}
			})
		})
	}
}

// The trust in an upstream says nothing of its proxy, which is always verified.
func TestUntrustedProxyGetsNeitherLoginNorKey(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		strange := newAuthority(t)
		proxy := secured(t, strange.identityFor("127.0.0.1"), answerOK)
		g := run(t, via, observed+`
routes:
  - id: api
    prefix: /api
    upstream: {base_url: "https://api.invalid", tls: {ca_path: %q, insecure_skip_verify: true}, proxy: {protocol: https, address: %q, username: ops, password: s3cret}}
`, strange.path, proxy.listener.Addr())
		g.get("/api").refusal(t, 502, "upstream_connect_error")
		g.said("request failed", "proxy connect: tls handshake: tls: failed to verify certificate")
		if n := len(proxy.requests()); n != 0 || strings.Contains(g.stderr.String(), "s3cret") {
			t.Errorf("the proxy got %d requests; the log:\n%s", n, g.stderr)
		}
	})
}
