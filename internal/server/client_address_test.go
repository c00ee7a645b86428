package server

import (
	"net"
	"net/http"
	"strconv"
	"testing"
)

// A listener for both families says of an IPv4 client that it has an IPv6
// address, the one that maps its own.
func TestIPv4ClientOfADualStackListenerIsKnownByItsIPv4Address(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].ForwardXFF = true
		g := start(t, via, c)
		ln, err := Listen("[::]:0")
		if err != nil {
			t.Skip("no IPv6 here:", err)
		}
		both := openPort(ln, "", g.server, g.server.log)
		t.Cleanup(both.close)
		g.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
		g.get("/api").ok(t)
		if o := g.outcome(); o.Client != "127.0.0.1" {
			t.Errorf("the client is logged as %q", o.Client)
		}
		if got := u.only().get("X-Forwarded-For"); got != "127.0.0.1" {
			t.Errorf("the upstream reads of %q", got)
		}
	})
}

// A zone names an interface of this machine and means nothing elsewhere.
func TestClientAddressIsAnAddressAlone(t *testing.T) {
	for _, row := range []struct {
		addr net.TCPAddr
		want string
	}{
		{net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, "192.0.2.1"},
		{net.TCPAddr{IP: net.ParseIP("2001:db8::1")}, "2001:db8::1"},
		{net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::1"},
	} {
		row.addr.Port = 50000
		if got := ipOf(&row.addr); got != row.want {
			t.Errorf("%s over HTTP/1.1 is %q", &row.addr, got)
		}
		h := &http2{r: &http.Request{RemoteAddr: row.addr.String()}}
		if got := h.ClientIP(); got != row.want {
			t.Errorf("%s over HTTP/2 is %q", &row.addr, got)
		}
	}
}
