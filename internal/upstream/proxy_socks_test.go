package upstream

import (
	"io"
	"net"
	"strings"
	"testing"

	"ai-gw-lite/internal/testcert"
)

// exchange reads size bytes, answers and returns what it read.
func exchange(conn net.Conn, size int, answer string) string {
	b := make([]byte, size)
	n, _ := io.ReadFull(conn, b)
	io.WriteString(conn, answer)
	return string(b[:n])
}

// turn is what a SOCKS proxy expects to read, and answers.
type turn struct{ read, answer string }

// socksProxy plays turns, byte by byte, and is the upstream itself from there on.
func socksProxy(t *testing.T, turns []turn, upstream func(net.Conn)) string {
	return serve(t, func(conn net.Conn) {
		for _, turn := range turns {
			if got := exchange(conn, len(turn.read), ""); got != turn.read {
				t.Errorf("the proxy read %q, want %q", got, turn.read)
				return
			}
			drip(conn, 0, turn.answer)
		}
		upstream(conn)
	})
}

var (
	greeting      = turn{"\x05\x01\x00", "\x05\x00"}
	loginGreeting = turn{"\x05\x02\x00\x02", "\x05\x02"}
	login         = turn{"\x01\x0bsecret-user\x0bsecret-pass", "\x01\x00"}
	request       = turn{"\x05\x01\x00\x03\x07up.test\x1f\xf5", connected}
)

const connected = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"

func TestSOCKSProxyIsGivenTheNameAndTheLogin(t *testing.T) {
	ca := testcert.New()
	for _, c := range []struct {
		name, address string
		withLogin     bool
		turns         []turn
	}{
		{"name", "up.test:8181", false, []turn{greeting, request}},
		{"name of loopback", "localhost:80", false, []turn{greeting, {"\x05\x01\x00\x03\x09localhost\x00\x50", connected}}},
		{"longest name", strings.Repeat("a", 255) + ":80", false, []turn{greeting, {"\x05\x01\x00\x03\xff" + strings.Repeat("a", 255) + "\x00\x50", connected}}},
		{"IPv4", "127.0.0.1:443", false, []turn{greeting, {"\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb", connected}}},
		{"IPv6", "[2001:db8::1]:443", false, []turn{greeting, {"\x05\x01\x00\x04\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01\x01\xbb", connected}}},
		{"login", "up.test:8181", true, []turn{loginGreeting, login, request}},
		{"login not asked for", "up.test:8181", true, []turn{{loginGreeting.read, "\x05\x00"}, request}},
		{"bound to an IPv6 address", "up.test:8181", false, []turn{greeting, {request.read, "\x05\x00\x00\x04" + strings.Repeat("\xaa", 16+2)}}},
		{"bound to a name", "up.test:8181", false, []turn{greeting, {request.read, "\x05\x00\x00\x03\xff" + strings.Repeat("a", 255+2)}}},
		{"bound to an empty name", "up.test:8181", false, []turn{greeting, {request.read, "\x05\x00\x00\x03\x00\x00\x00"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, tls := range []bool{false, true} {
				upstream := echo
				if tls {
					upstream = overTLS(certified(ca, "up.test"), echo)
				}
				e := &Endpoint{Address: c.address, ServerName: "up.test", TLS: tls, Proxy: &Proxy{Protocol: ProxySOCKS, Address: socksProxy(t, c.turns, upstream)}}
				if c.withLogin {
					e.Proxy.Username, e.Proxy.Password = "secret-user", "secret-pass"
				}
				conn := mustDial(t, NewDialer(ca.Pool()), e)
				if _, ok := conn.(*net.TCPConn); ok == tls {
					t.Errorf("conn is a %T", conn)
				}
				mustEcho(t, conn)
				if e.AbsoluteForm() {
					t.Error("requests through SOCKS would be in absolute form")
				}
			}
		})
	}
}

// TestSOCKSReplyIsReadToItsLastByteOnly: an upstream may speak first.
func TestSOCKSReplyIsReadToItsLastByteOnly(t *testing.T) {
	proxy := socksProxy(t, []turn{greeting, {request.read, connected + "hello"}}, drain)
	conn := mustDial(t, NewDialer(nil), &Endpoint{Address: "up.test:8181", Proxy: &Proxy{Protocol: ProxySOCKS, Address: proxy}})
	got := make([]byte, 5)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello" {
		t.Errorf("read %q (%v)", got, err)
	}
}

func TestSOCKSProxyThatDoesNotConnectIsAConnectError(t *testing.T) {
	const notSOCKS, hungUp = "does not speak SOCKS5", "the other side closed the connection"
	long := strings.Repeat("secret", 50)
	secret := &Proxy{Protocol: ProxySOCKS, Username: "secret-user", Password: "secret-pass"}
	for _, c := range []struct {
		name  string
		proxy *Proxy // nil: without login
		turns []turn
		stage Stage
		words string
	}{
		{"login rejected", secret, []turn{loginGreeting, {login.read, "\x01\x01"}}, StageProxyLogin, "rejected the login"},
		{"login rejected in another way", secret, []turn{loginGreeting, {login.read, "\x01\xff"}}, StageProxyLogin, "rejected the login"},
		{"login rejected by a hang-up", secret, []turn{loginGreeting, {login.read, ""}}, StageProxyLogin, hungUp},
		{"login answered with garbage", secret, []turn{loginGreeting, {login.read, "\x05\x00"}}, StageProxyLogin, notSOCKS},
		{"login wanted", nil, []turn{{greeting.read, "\x05\xff"}}, StageProxyLogin, "wants a login"},
		{"login not taken", secret, []turn{{loginGreeting.read, "\x05\xff"}}, StageProxyLogin, "takes no user name and password"},
		{"method not offered", nil, []turn{{greeting.read, "\x05\x02"}}, StageProxyLogin, "method 2, which was not offered"},
		{"GSSAPI", secret, []turn{{loginGreeting.read, "\x05\x01"}}, StageProxyLogin, "method 1, which was not offered"},
		{"user name too long", &Proxy{Protocol: ProxySOCKS, Username: long, Password: "p"}, []turn{loginGreeting}, StageProxyLogin, "longer than 255 bytes"},
		{"password too long", &Proxy{Protocol: ProxySOCKS, Username: "u", Password: long}, []turn{loginGreeting}, StageProxyLogin, "longer than 255 bytes"},
		{"an HTTP server", nil, []turn{{greeting.read, "HTTP/1.1 400 Bad Request\r\n\r\n"}}, StageProxyConnect, notSOCKS},
		{"SOCKS4", nil, []turn{{greeting.read, "\x00\x5b"}}, StageProxyConnect, notSOCKS},
		{"nothing", nil, []turn{{greeting.read, ""}}, StageProxyConnect, hungUp},
		{"half a choice", nil, []turn{{greeting.read, "\x05"}}, StageProxyConnect, hungUp},
		{"half a reply", nil, []turn{greeting, {request.read, connected[:3]}}, StageProxyConnect, hungUp},
		{"half an address", nil, []turn{greeting, {request.read, connected[:7]}}, StageProxyConnect, hungUp},
		{"reply of another version", nil, []turn{greeting, {request.read, "\x04" + connected[1:]}}, StageProxyConnect, notSOCKS},
		{"unknown address type", nil, []turn{greeting, {request.read, "\x05\x00\x00\x02\x00\x00"}}, StageProxyConnect, notSOCKS},
		{"general failure", nil, []turn{greeting, {request.read, "\x05\x01\x00\x01"}}, StageProxyConnect, "general failure"},
		{"not allowed", nil, []turn{greeting, {request.read, "\x05\x02\x00\x01"}}, StageProxyConnect, "not allowed"},
		{"network unreachable", nil, []turn{greeting, {request.read, "\x05\x03\x00\x01"}}, StageProxyConnect, "network unreachable"},
		{"host unreachable", nil, []turn{greeting, {request.read, "\x05\x04\x00\x01"}}, StageProxyConnect, "host unreachable"},
		{"connection refused", nil, []turn{greeting, {request.read, "\x05\x05\x00\x01"}}, StageProxyConnect, "connection refused"},
		{"TTL expired", nil, []turn{greeting, {request.read, "\x05\x06\x00\x01"}}, StageProxyConnect, "TTL expired"},
		{"command not supported", nil, []turn{greeting, {request.read, "\x05\x07\x00\x01"}}, StageProxyConnect, "command not supported"},
		{"address type not supported", nil, []turn{greeting, {request.read, "\x05\x08\x00\x01"}}, StageProxyConnect, "address type not supported"},
		{"unassigned code", nil, []turn{greeting, {request.read, "\x05\xee\x00\x01"}}, StageProxyConnect, "code 238"},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxy := Proxy{Protocol: ProxySOCKS}
			if c.proxy != nil {
				proxy = *c.proxy
			}
			proxy.Address = socksProxy(t, c.turns, func(conn net.Conn) {
				conn.(*net.TCPConn).CloseWrite()
				drain(conn)
			})
			_, err := dial(t, NewDialer(nil), &Endpoint{Address: "up.test:8181", Proxy: &proxy})
			wantFailure(t, err, c.stage, c.words)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q says what it must not", err)
			}
		})
	}
}

func TestAddressThatSOCKSCannotCarryIsAConnectError(t *testing.T) {
	for address, words := range map[string]string{
		strings.Repeat("a", 256) + ":80": "longer than 255 bytes",
		"up.test:65536":                  "port of up.test:65536",
		"up.test":                        "missing port",
	} {
		proxy := socksProxy(t, []turn{greeting}, drain)
		_, err := dial(t, NewDialer(nil), &Endpoint{Address: address, Proxy: &Proxy{Protocol: ProxySOCKS, Address: proxy}})
		wantFailure(t, err, StageProxyConnect, words)
	}
}
