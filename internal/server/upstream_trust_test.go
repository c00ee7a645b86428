package server

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/testcert"
)

// authority signs the certificates of upstreams.
type authority struct {
	*testcert.Authority
	path string // its certificate, PEM
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{testcert.New(), filepath.Join(t.TempDir(), "ca.pem")}
	a.writeTo(t, a.path)
	return a
}

func (a *authority) writeTo(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, a.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// identityFor is how a server shows itself under names and addresses.
func (a *authority) identityFor(names ...string) *tls.Config { return shown(a.Pair(names...)) }

func shown(pair tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
}

// secured is a scripted upstream behind TLS.
func secured(t *testing.T, identity *tls.Config, script func(*upstreamConn, *upstreamRequest)) *scriptedUpstream {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startUpstream(t, tls.NewListener(ln, identity), script)
}

func answerOK(c *upstreamConn, r *upstreamRequest) { c.readBody(r); c.send(okAnswer) }

func TestUpstreamIsTrustedAsFarAsTheConfigurationSays(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	local := ours.identityFor("localhost", "127.0.0.1")
	for _, row := range []struct {
		name     string
		identity *tls.Config
		host     string
		tls      string
		cause    string // empty: it is trusted
	}{
		{"of the authority that is named", local, "localhost", `{ca_path: "` + ours.path + `"}`, ""},
		{"by its address", local, "127.0.0.1", `{ca_path: "` + ours.path + `"}`, ""},
		{"of an authority that nobody named", local, "localhost", `{ca_path: ""}`, "certificate signed by unknown authority"},
		{"of another authority", local, "localhost", `{ca_path: "` + theirs.path + `"}`, "certificate signed by unknown authority"},
		{"for another name", ours.identityFor("other.example"), "localhost", `{ca_path: "` + ours.path + `"}`, "certificate is valid for other.example, not localhost"},
		{"for a name, not the address", ours.identityFor("localhost"), "127.0.0.1", `{ca_path: "` + ours.path + `"}`, "cannot validate certificate for 127.0.0.1"},
		{"expired", shown(ours.PairUntil(time.Now().Add(-time.Hour), "localhost")), "localhost", `{ca_path: "` + ours.path + `"}`, "certificate has expired"},
		{"unverified", local, "localhost", `{insecure_skip_verify: true}`, ""},
		{"unverified, for another name", ours.identityFor("other.example"), "localhost", `{insecure_skip_verify: true}`, ""},
		{"unverified, of another authority", local, "localhost", `{ca_path: "` + theirs.path + `", insecure_skip_verify: true}`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, clearOrHTTP2, func(t *testing.T, via transport) {
				u := secured(t, row.identity, answerOK)
				_, port, _ := net.SplitHostPort(u.listener.Addr().String())
				base := "https://" + row.host + ":" + port
				g := run(t, via, observed+`
routes:
  - {id: api, prefix: /api, upstream: {base_url: %q, tls: %s, inject_headers: [{name: authorization, value: %q}]}}
`, base, row.tls, providerKey)
				a := g.post("/api/v1", "hi")
				l := g.line()
				if row.cause == "" {
					a.ok(t)
					if r := u.only(); r.body != "hi" || r.get("Authorization") != providerKey {
						t.Errorf("the upstream got %q with %q", r.head, r.body)
					}
					return
				}
				a.refusal(t, 502, "upstream_connect_error")
				if a.header.Get("X-Gw-Error") != "upstream_connect_error" || strings.Contains(a.body, "x509") {
					t.Errorf("the client reads %v %q", a.header, a.body)
				}
				if l.Status != 502 || l.Code != "upstream_connect_error" || l.End != "upstream_broken" || l.Upstream != base || l.Attempts != 1 {
					t.Errorf("the access log has %+v", l)
				}
				g.said("request failed", l.RequestID, "tls handshake: tls: failed to verify certificate", row.cause)
				g.counts(`gateway_upstream_attempts_total{key="",result="connect_error",route="api",upstream="`+base+`"}`, "1")
				if n := len(u.requests()); n != 0 {
					t.Errorf("%d requests, the key in them, reached whoever that was", n)
				}
			})
		})
	}
}

// Nothing was sent to an upstream that is not trusted, so another attempt may follow.
func TestRequestToAnUntrustedUpstreamIsRetriedElsewhere(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		strange := secured(t, newAuthority(t).identityFor("127.0.0.1"), answerOK)
		other := answering(t, okAnswer)
		g := run(t, via, observed+`
routes:
  - id: api
    prefix: /api
    upstreams:
      - {id: strange, base_url: "https://%s"}
      - {id: other, priority: 1, base_url: %q}
    retry: {max_attempts: 2}
`, strange.listener.Addr(), other.base())
		g.post("/api", "hi").ok(t)
		g.attempted("strange connect_error, other ok")
		g.said("cooldown begins", `"upstream":"strange"`, `"why":"connect_error"`)
		g.post("/api", "hi").ok(t)
		g.attempted("other ok") // the strange one is in cooldown
	})
}

// A route that trusts must not lend its trust to one that does not: neither an
// idle connection nor a session of TLS is taken up by the other.
func TestTrustOfARouteIsItsOwn(t *testing.T) {
	for _, row := range []struct {
		version uint16
		answer  string
	}{
		{tls.VersionTLS13, okAnswer},
		{tls.VersionTLS13, answerOf(200, "ok", "Connection: close")},
		{tls.VersionTLS12, answerOf(200, "ok", "Connection: close")},
	} {
		over(t, anyWouldDo, func(t *testing.T, via transport) {
			ours := newAuthority(t)
			identity := ours.identityFor("localhost")
			identity.MaxVersion = row.version
			u := secured(t, identity, func(c *upstreamConn, r *upstreamRequest) {
				c.send(row.answer)
				c.ended = row.answer != okAnswer
			})
			_, port, _ := net.SplitHostPort(u.listener.Addr().String())
			g := run(t, via, `
routes:
  - {id: named, prefix: /named, upstream: {base_url: "https://localhost:%[1]s", tls: {ca_path: %[2]q}}}
  - {id: any, prefix: /any, upstream: {base_url: "https://localhost:%[1]s", tls: {insecure_skip_verify: true}}}
  - {id: none, prefix: /none, upstream: {base_url: "https://localhost:%[1]s"}}
`, port, ours.path)
			for _, trusting := range []string{"/any", "/named"} {
				for range 2 {
					g.get(trusting).ok(t)
				}
				g.get("/none").refusal(t, 502, "upstream_connect_error")
			}
		})
	}
}

// The file of ca_path may change under its name: what counts is what is in it.
// Connections that the old trust has opened are not used by the new one.
func TestTrustIsThatOfTheFileAsItIsNow(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		ours, theirs := newAuthority(t), newAuthority(t)
		u := secured(t, ours.identityFor("127.0.0.1"), answerOK)
		path := filepath.Join(t.TempDir(), "ca.pem")
		theirs.writeTo(t, path)
		g := run(t, via, `routes: [{id: api, prefix: /api, upstream: {base_url: "https://%s", tls: {ca_path: %q}}}]`, u.listener.Addr(), path)
		for range 2 {
			g.get("/api").refusal(t, 502, "upstream_connect_error")
			ours.writeTo(t, path)
			g.reread()
			g.get("/api").ok(t)
			theirs.writeTo(t, path)
			g.reread()
		}
	})
}

// The name that TLS asks for is that of base_url, whatever Host is injected and
// whatever the client says; it is never h2 that is agreed on.
func TestServerNameIsTheBaseURLs(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		ours := newAuthority(t)
		identity := ours.identityFor("localhost", "127.0.0.1")
		asked := make(chan *tls.ClientHelloInfo, 10)
		identity.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { asked <- h; return nil, nil }
		u := secured(t, identity, answerOK)
		_, port, _ := net.SplitHostPort(u.listener.Addr().String())
		g := run(t, via, `
routes:
  - {id: name, prefix: /name, upstream: {base_url: "https://LocalHost:%[1]s", tls: {ca_path: %[2]q}, inject_headers: [{name: host, value: shown.example}]}}
  - {id: address, prefix: /address, upstream: {base_url: "https://127.0.0.1:%[1]s", tls: {ca_path: %[2]q}}}
`, port, ours.path)
		for _, row := range []struct{ target, name, host string }{
			{"/name", "localhost", "shown.example"},
			{"/address", "", "127.0.0.1:" + port}, // RFC 6066 section 3 allows no address
		} {
			g.get(row.target).ok(t)
			hello := receive(t, asked, "a handshake")
			if !strings.EqualFold(hello.ServerName, row.name) || len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != "http/1.1" {
				t.Errorf("%s: asked for %q with %q", row.target, hello.ServerName, hello.SupportedProtos)
			}
			all := u.requests()
			if host := all[len(all)-1].get("Host"); host != row.host {
				t.Errorf("%s: Host is %q, want %q", row.target, host, row.host)
			}
		}
	})
}
