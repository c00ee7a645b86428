package server

import (
	"crypto/tls"
	"testing"

	"ai-gw-lite/internal/gateway"
)

// A body that ends with its connection is whole only if TLS says that the
// connection has ended: a process that dies looks the same below TLS.
func TestTLSBodyUntilCloseIsWholeOnlyWithAClosureAlert(t *testing.T) {
	ca := newAuthority(t)
	identity := ca.identityFor("127.0.0.1")
	for _, row := range []struct {
		name string
		end  func(*tls.Conn) error
		want gateway.End
	}{
		{"closed", (*tls.Conn).Close, gateway.Complete},
		{"cut between two records", func(c *tls.Conn) error { return c.NetConn().Close() }, gateway.UpstreamBroken},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := secured(t, identity, func(c *upstreamConn, r *upstreamRequest) {
					c.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nso far")
					row.end(c.Conn.(*tls.Conn))
				})
				g := run(t, via, observed+`
routes:
  - {id: api, prefix: /api, upstream: {base_url: %q, tls: {ca_path: %q}, inject_headers: [{name: authorization, value: %q}]}}
`, "https://"+u.listener.Addr().String(), ca.path, providerKey)
				a, err := g.try(g.request("GET", "/api", nil))
				if err != nil {
					t.Fatal(err)
				}
				if whole := a.err == nil; a.body != "so far" || whole != (row.want == gateway.Complete) {
					t.Errorf("got %q, %v", a.body, a.err)
				}
				if o := g.outcome(); o.End != row.want {
					t.Errorf("it ended as %q, want %q", o.End, row.want)
				}
			})
		})
	}
}

// A WebSocket says goodbye in a frame of its own: what TLS says of it is no matter.
func TestTunnelOverTLSEndsWithoutAClosureAlert(t *testing.T) {
	ca := newAuthority(t)
	identity := ca.identityFor("127.0.0.1")
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := secured(t, identity, func(c *upstreamConn, r *upstreamRequest) {
			c.send(wsOpen + "goodbye")
			c.ended = true
			c.Conn.(*tls.Conn).NetConn().Close()
		})
		g := run(t, via, observed+`
routes:
  - {id: api, prefix: /api, upstream: {base_url: %q, tls: {ca_path: %q}, inject_headers: [{name: authorization, value: %q}]}}
`, "https://"+u.listener.Addr().String(), ca.path, providerKey)
		conn := g.dial()
		conn.handshake("/api", "")
		conn.opened()
		if said, err := conn.rest(); said != "goodbye" || err != nil {
			t.Errorf("got %q, %v", said, err)
		}
		if o := g.outcome(); o.End != gateway.Complete {
			t.Errorf("it ended as %q", o.End)
		}
	})
}
