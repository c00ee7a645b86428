package upstream

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/testcert"
)

// readConnect reads a request head, byte by byte so as not to read past it.
func readConnect(conn net.Conn) string {
	var head strings.Builder
	for b := make([]byte, 1); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
		if _, err := conn.Read(b); err != nil {
			break
		}
		head.Write(b)
	}
	return head.String()
}

func answerConnect(conn net.Conn, answer string) {
	readConnect(conn)
	io.WriteString(conn, answer)
}

// drip writes s byte by byte.
func drip(conn net.Conn, pace time.Duration, s string) {
	for i := range len(s) {
		time.Sleep(pace)
		if _, err := io.WriteString(conn, s[i:i+1]); err != nil {
			return
		}
	}
}

// tunnel plays an HTTP proxy that passes each request head on to heads, gives
// answer and is the upstream itself from there on.
func tunnel(heads chan<- string, answer string, upstream func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		heads <- readConnect(conn)
		io.WriteString(conn, answer)
		upstream(conn)
	}
}

const opens = "HTTP/1.1 200 Connection established\r\n\r\n"

func TestHTTPSUpstreamIsReachedThroughATunnel(t *testing.T) {
	ca := testcert.New()
	upstream := overTLS(certified(ca, "up.test"), echo)
	for _, c := range []struct {
		name     string
		protocol ProxyProtocol
		user     string
		head     string
	}{
		{"http", ProxyHTTP, "", "CONNECT up.test:8443 HTTP/1.1\r\nHost: up.test:8443\r\n\r\n"},
		{"http with login", ProxyHTTP, "Aladdin", "CONNECT up.test:8443 HTTP/1.1\r\nHost: up.test:8443\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"},
		{"https", ProxyHTTPS, "", "CONNECT up.test:8443 HTTP/1.1\r\nHost: up.test:8443\r\n\r\n"},
		{"https with login", ProxyHTTPS, "Aladdin", "CONNECT up.test:8443 HTTP/1.1\r\nHost: up.test:8443\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			heads := make(chan string, 1)
			proxy := tunnel(heads, opens, upstream)
			if c.protocol == ProxyHTTPS {
				proxy = overTLS(certified(ca, "127.0.0.1"), proxy)
			}
			e := &Endpoint{Address: "up.test:8443", ServerName: "up.test", TLS: true, Proxy: &Proxy{Protocol: c.protocol, Address: serve(t, proxy)}}
			if c.user != "" {
				e.Proxy.Username, e.Proxy.Password = c.user, "open sesame"
			}
			conn := mustDial(t, NewDialer(ca.Pool()), e)
			if got := <-heads; got != c.head {
				t.Errorf("the proxy read %q, want %q", got, c.head)
			}
			mustEcho(t, conn)
			if e.AbsoluteForm() || e.ProxyAuthorization() != "" {
				t.Error("requests through the tunnel would be in absolute form")
			}
		})
	}
}

func TestHTTPUpstreamIsReachedInAbsoluteForm(t *testing.T) {
	ca := testcert.New()
	for _, c := range []struct {
		protocol ProxyProtocol
		proxy    func(net.Conn)
	}{
		{ProxyHTTP, echo},
		{ProxyHTTPS, overTLS(certified(ca, "127.0.0.1"), echo)},
	} {
		e := &Endpoint{Address: "up.test:80", ServerName: "up.test", Proxy: &Proxy{c.protocol, serve(t, c.proxy), "Aladdin", "open sesame"}}
		mustEcho(t, mustDial(t, NewDialer(ca.Pool()), e)) // nothing was sent before
		if !e.AbsoluteForm() || e.ProxyAuthorization() != "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" {
			t.Errorf("%s: absolute form %v, authorization %q", c.protocol, e.AbsoluteForm(), e.ProxyAuthorization())
		}
	}
}

func TestOnlyProxiedRequestsCarryALogin(t *testing.T) {
	for name, e := range map[string]*Endpoint{
		"direct":        {Address: "up.test:80"},
		"without login": {Address: "up.test:80", Proxy: &Proxy{Protocol: ProxyHTTP}},
		"socks":         {Address: "up.test:80", Proxy: &Proxy{ProxySOCKS, "proxy.test:1080", "u", "p"}},
	} {
		if v := e.ProxyAuthorization(); v != "" {
			t.Errorf("%s: %q", name, v)
		}
	}
}

func TestTunnelOpensForAnyWellFormedHead(t *testing.T) {
	ca := testcert.New()
	filler := func(size int) string { // a head of that many bytes
		const start, end = "HTTP/1.1 200 OK\r\nX: ", "\r\n\r\n"
		return start + strings.Repeat("a", size-len(start)-len(end)) + end
	}
	for name, answer := range map[string]string{
		"HTTP/1.0":       "HTTP/1.0 200 Connection established\r\n\r\n",
		"another 2xx":    "HTTP/1.1 299 \r\n\r\n",
		"no reason":      "HTTP/1.1 200\r\n\r\n",
		"framing fields": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"odd values":     "HTTP/1.1 200 \xc3\xa9\r\nVia:\r\nX: \ta: b\xff\r\n\r\n",
		"largest":        filler(maxConnectHead),
	} {
		t.Run(name, func(t *testing.T) {
			proxy := tunnel(make(chan string, 1), answer, overTLS(certified(ca, "up.test"), echo))
			mustEcho(t, mustDial(t, NewDialer(ca.Pool()), tunnelled(serve(t, proxy))))
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		address := serve(t, func(conn net.Conn) {
			readConnect(conn)
			drip(conn, 0, "HTTP/1.1 200 OK\r\nVia: 1.1 x\r\n\r\n")
			overTLS(certified(ca, "up.test"), echo)(conn)
		})
		mustEcho(t, mustDial(t, NewDialer(ca.Pool()), tunnelled(address)))
	})
}

// tunnelled is an https upstream behind an http proxy that asks for a login.
func tunnelled(proxy string) *Endpoint {
	return &Endpoint{Address: "up.test:8443", ServerName: "up.test", TLS: true, Proxy: &Proxy{ProxyHTTP, proxy, "secret-user", "secret-pass"}}
}

func TestTunnelThatDoesNotOpenIsAConnectError(t *testing.T) {
	const notHTTP = "not HTTP/1.1"
	for _, c := range []struct {
		name, answer string
		stage        Stage
		words        string
	}{
		{"login rejected", "HTTP/1.1 407 No secret-pass\r\n\r\n", StageProxyLogin, "rejected the login (status 407)"},
		{"refused", "HTTP/1.1 403 No secret-pass\r\nContent-Length: 11\r\n\r\nsecret-user", StageProxyConnect, "status 403"},
		{"refused and cut off", "HTTP/1.1 502 Bad Gateway\r\nCont", StageProxyConnect, "status 502"},
		{"interim answer", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", StageProxyConnect, "status 100"},
		{"redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", StageProxyConnect, "status 302"},
		{"garbage", "secret-pass\r\n\r\n", StageProxyConnect, notHTTP},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", StageProxyConnect, notHTTP},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", StageProxyConnect, notHTTP},
		{"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", StageProxyConnect, notHTTP},
		{"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", StageProxyConnect, notHTTP},
		{"status with a sign", "HTTP/1.1 +20 OK\r\n\r\n", StageProxyConnect, notHTTP},
		{"two spaces", "HTTP/1.1  200 OK\r\n\r\n", StageProxyConnect, notHTTP},
		{"bare LF after the status", "HTTP/1.1 200 OK\n\n", StageProxyConnect, notHTTP},
		{"bare LF at the end", "HTTP/1.1 200 OK\r\nVia: x\r\n\n", StageProxyConnect, notHTTP},
		{"bare CR", "HTTP/1.1 200 OK\r\nVia: a\rb\r\n\r\n", StageProxyConnect, notHTTP},
		{"NUL", "HTTP/1.1 200 OK\r\nVia: a\x00b\r\n\r\n", StageProxyConnect, notHTTP},
		{"folded line", "HTTP/1.1 200 OK\r\nVia: a\r\n b: c\r\n\r\n", StageProxyConnect, notHTTP},
		{"space before the colon", "HTTP/1.1 200 OK\r\nVia : a\r\n\r\n", StageProxyConnect, notHTTP},
		{"no colon", "HTTP/1.1 200 OK\r\nVia\r\n\r\n", StageProxyConnect, notHTTP},
		{"no name", "HTTP/1.1 200 OK\r\n: a\r\n\r\n", StageProxyConnect, notHTTP},
		{"bytes after the head", "HTTP/1.1 200 OK\r\n\r\nsecret-pass", StageProxyConnect, "before the upstream could"},
		{"one huge line", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", maxConnectHead), StageProxyConnect, "more than 65536 bytes"},
		{"many lines", "HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", maxConnectHead/6), StageProxyConnect, "more than 65536 bytes"},
		{"no line end", strings.Repeat("secret-pass", maxConnectHead/11+1), StageProxyConnect, "more than 65536 bytes"},
		{"nothing", "", StageProxyConnect, "the other side closed the connection"},
		{"half a head", "HTTP/1.1 200 OK\r\nVia: ", StageProxyConnect, "the other side closed the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := serve(t, func(conn net.Conn) {
				answerConnect(conn, c.answer)
				conn.(*net.TCPConn).CloseWrite()
				drain(conn)
			})
			_, err := dial(t, NewDialer(nil), tunnelled(address))
			wantFailure(t, err, c.stage, c.words)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q says what it must not", err)
			}
		})
	}
}

func TestProxyThatWantsALoginIsALoginError(t *testing.T) {
	e := tunnelled(serve(t, func(conn net.Conn) { answerConnect(conn, "HTTP/1.1 407 Who are you\r\n\r\n"); drain(conn) }))
	e.Proxy.Username, e.Proxy.Password = "", ""
	_, err := dial(t, NewDialer(nil), e)
	wantFailure(t, err, StageProxyLogin, "wants a login")
}

func TestUntrustworthyProxyIsAConnectError(t *testing.T) {
	ca := testcert.New()
	for _, c := range []struct {
		name  string
		proxy func(net.Conn)
		words string
	}{
		{"untrusted", overTLS(certified(testcert.New(), "127.0.0.1"), echo), "unknown authority"},
		{"has only the upstream's name", overTLS(certified(ca, "up.test"), echo), "127.0.0.1"},
		{"plain HTTP", func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 400 \r\n\r\n"); drain(conn) }, "does not look like a TLS handshake"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, tls := range []bool{false, true} {
				e := tunnelled(serve(t, c.proxy))
				e.Proxy.Protocol, e.TLS = ProxyHTTPS, tls
				_, err := dial(t, NewDialer(ca.Pool()), e)
				wantFailure(t, err, StageProxyConnect, c.words)
				if !strings.Contains(err.Error(), "proxy connect: tls handshake: ") {
					t.Errorf("error %q does not say that TLS failed", err)
				}
			}
		})
	}
}

func TestUpstreamBehindATunnelIsVerified(t *testing.T) {
	ca := testcert.New()
	for _, protocol := range []ProxyProtocol{ProxyHTTP, ProxyHTTPS} {
		proxy := tunnel(make(chan string, 1), opens, overTLS(certified(ca, "127.0.0.1"), echo))
		if protocol == ProxyHTTPS {
			proxy = overTLS(certified(ca, "127.0.0.1"), proxy)
		}
		e := tunnelled(serve(t, proxy))
		e.Proxy.Protocol = protocol
		_, err := dial(t, NewDialer(ca.Pool()), e)
		wantFailure(t, err, StageTLS, "up.test")
	}
}

// Behind an https proxy TLS reads from TLS. In TLS 1.2 one read brings the last
// words and the end, if the proxy's closure alert stands right behind them. The
// words must not be lost, and the proxy's goodbye must not pass for the upstream's.
func TestEndBehindAnHTTPSProxyIsTheUpstreamsToTell(t *testing.T) {
	ca := testcert.New()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, row := range []struct {
			name string
			end  func(upstream *tls.Conn)
			want error // of reading to the end
		}{
			{"the upstream closes", func(u *tls.Conn) { u.CloseWrite() }, nil},
			{"the upstream breaks off", func(*tls.Conn) {}, ErrNoClosureAlert},
		} {
			t.Run(tls.VersionName(version)+"/"+row.name, func(t *testing.T) {
				config := certified(ca, "127.0.0.1")
				config.MaxVersion = version
				e := tunnelled(serve(t, func(conn net.Conn) {
					segment := &oneSegment{Conn: conn}
					proxy := tls.Server(segment, config)
					answerConnect(proxy, opens)
					upstream := tls.Server(proxy, certified(ca, "up.test"))
					if _, err := upstream.Read(make([]byte, 1)); err != nil {
						return
					}
					segment.joining = true
					io.WriteString(upstream, "the last words")
					row.end(upstream)
					proxy.CloseWrite()
					conn.SetWriteDeadline(time.Time{}) // which closing has brought forward
					conn.Write(segment.joined)
					drain(conn)
				}))
				e.Proxy.Protocol = ProxyHTTPS
				conn := mustDial(t, NewDialer(ca.Pool()), e)
				conn.SetDeadline(time.Now().Add(testTimeout))
				io.WriteString(conn, "?")
				if got, err := io.ReadAll(conn); string(got) != "the last words" || err != row.want {
					t.Errorf("got %q, %v, want %v", got, err, row.want)
				}
			})
		}
	}
}

func TestDeadProxyIsNeverBypassed(t *testing.T) {
	for _, protocol := range []ProxyProtocol{ProxyHTTP, ProxyHTTPS, ProxySOCKS, "ftp"} {
		for _, tls := range []bool{false, true} {
			address, check := unreached(t)
			e := &Endpoint{Address: address, ServerName: "127.0.0.1", TLS: tls, Proxy: &Proxy{protocol, deadAddress(t), "u", "p"}}
			_, err := dial(t, NewDialer(nil), e)
			wantFailure(t, err, StageProxyConnect, e.Proxy.Address)
			check()
		}
	}
}

func TestUnknownProxyProtocolIsNotGuessed(t *testing.T) {
	address, check := unreached(t)
	e := &Endpoint{Address: address, Proxy: &Proxy{Protocol: "ftp", Address: serve(t, drain)}}
	_, err := dial(t, NewDialer(nil), e)
	wantFailure(t, err, StageProxyConnect, `unknown proxy protocol "ftp"`)
	check()
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	proxy, check := unreached(t)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "http://"+proxy)
	}
	mustEcho(t, mustDial(t, NewDialer(nil), &Endpoint{Address: serve(t, echo)}))
	check()
}

func TestLoopbackUpstreamIsReachedThroughItsProxy(t *testing.T) {
	address, check := unreached(t)
	heads := make(chan string, 1)
	proxy := serve(t, func(conn net.Conn) {
		line, _ := bufio.NewReader(conn).ReadString('\n')
		heads <- line
	})
	_, err := dial(t, NewDialer(nil), &Endpoint{Address: address, ServerName: "127.0.0.1", TLS: true, Proxy: &Proxy{Protocol: ProxyHTTP, Address: proxy}})
	wantFailure(t, err, StageProxyConnect, "")
	if got, want := <-heads, "CONNECT "+address+" HTTP/1.1\r\n"; got != want {
		t.Errorf("the proxy was asked for %q, want %q", got, want)
	}
	check()
}
