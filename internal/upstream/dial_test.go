package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ai-gw-lite/internal/testcert"
)

// testTimeout bounds a dial that is meant to end long before.
const testTimeout = 20 * time.Second

// serve runs play for each connection to a fresh address. The test does not end
// before every play has, so a socket that Dial forgot fails it.
func serve(t *testing.T, play func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var plays sync.WaitGroup
	plays.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			plays.Go(func() {
				defer conn.Close()
				play(conn)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		plays.Wait()
	})
	return ln.Addr().String()
}

// unreached is an address whose owner tells whether anybody connected to it.
func unreached(t *testing.T) (address string, check func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String(), func() {
		t.Helper()
		ln.(*net.TCPListener).SetDeadline(time.Now())
		if conn, err := ln.Accept(); err == nil {
			conn.Close()
			t.Error("the upstream was reached past the proxy")
		}
	}
}

// deadAddress is one that refuses connections.
func deadAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func echo(conn net.Conn)  { io.Copy(conn, conn) }
func drain(conn net.Conn) { io.Copy(io.Discard, conn) }

func dial(t *testing.T, d *Dialer, e *Endpoint) (net.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	conn, err := d.Dial(ctx, e)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

func mustDial(t *testing.T, d *Dialer, e *Endpoint) net.Conn {
	t.Helper()
	conn, err := dial(t, d, e)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// mustEcho sends a line over conn, whose other end is echo.
func mustEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	const line = "the first bytes of HTTP\r\n"
	if _, err := io.WriteString(conn, line); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(line))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != line {
		t.Fatalf("got %q back (%v), want %q", got, err, line)
	}
}

// wantFailure checks for a connect error: of that stage, saying those words.
func wantFailure(t *testing.T, err error, stage Stage, words string) {
	t.Helper()
	var failed *DialError
	if !errors.As(err, &failed) {
		t.Fatalf("error %v, want a *DialError", err)
	}
	if failed.Stage != stage || !strings.Contains(err.Error(), words) {
		t.Errorf("error %q in stage %q, want %q in stage %q", err, failed.Stage, words, stage)
	}
	if IsTimeout(err) || errors.Is(err, context.Canceled) {
		t.Errorf("error %q counts as a timeout or a cancellation", err)
	}
}

func TestPlainUpstreamIsReachedAsATCPConn(t *testing.T) {
	conn := mustDial(t, NewDialer(nil), &Endpoint{Address: serve(t, echo)})
	if _, ok := conn.(*net.TCPConn); !ok {
		t.Errorf("conn is a %T", conn)
	}
	mustEcho(t, conn)
}

func TestRefusedConnectionIsAConnectError(t *testing.T) {
	_, err := dial(t, NewDialer(nil), &Endpoint{Address: deadAddress(t)})
	wantFailure(t, err, StageConnect, "")
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("error %v hides its cause", err)
	}
}

// resolvedBy is a Dialer that reaches its name servers with dial.
func resolvedBy(dial func(ctx context.Context, network, address string) (net.Conn, error)) *Dialer {
	d := NewDialer(nil)
	tcp := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: dial}}
	d.dialTCP = tcp.DialContext
	return d
}

func TestUnresolvedNameIsAResolveError(t *testing.T) {
	d := resolvedBy(func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server")
	})
	_, err := dial(t, d, &Endpoint{Address: "up.test:80"})
	wantFailure(t, err, StageResolve, "lookup up.test")

	_, err = dial(t, d, &Endpoint{Address: "up.test:80", Proxy: &Proxy{Protocol: ProxyHTTP, Address: "proxy.test:80"}})
	wantFailure(t, err, StageProxyConnect, "lookup proxy.test")
}

func TestSilentNameServerIsLeftAtTheDeadline(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	d := resolvedBy(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", silent.LocalAddr().String())
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = d.Dial(ctx, &Endpoint{Address: "up.test:80"})
	var failed *DialError
	if !errors.As(err, &failed) || failed.Stage != StageResolve || !IsTimeout(err) {
		t.Errorf("error %v, want a timeout in stage resolve", err)
	}
}

func TestConnectionOutlivesTheContextOfItsDial(t *testing.T) {
	ca := testcert.New()
	address := serve(t, overTLS(certified(ca, "up.test"), echo))
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := NewDialer(ca.Pool()).Dial(ctx, &Endpoint{Address: address, ServerName: "up.test", TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	mustEcho(t, conn)
}

func TestEndedContextDialsNothing(t *testing.T) {
	address, check := unreached(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewDialer(nil).Dial(ctx, &Endpoint{Address: address}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	check()
}

// TestContextThatEndsAtTheLastMomentLeavesNoConnection: nothing was under way
// that could have failed.
func TestContextThatEndsAtTheLastMomentLeavesNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		d := NewDialer(nil)
		d.dialTCP = func(context.Context, string, string) (net.Conn, error) {
			cancel()
			return ours, nil
		}
		if _, err := d.Dial(ctx, &Endpoint{Address: "up.test:80"}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want canceled", err)
		}
		drain(theirs) // ends with the close
	})
}

// lateContext is a context past its deadline whose timer has not fired.
type lateContext struct{ context.Context }

func (lateContext) Deadline() (time.Time, bool) { return time.Now(), true }

func TestSocketThatBeatsTheContextToTheDeadlineTimesOut(t *testing.T) {
	d := NewDialer(nil)
	d.dialTCP = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("i/o timeout") }
	if _, err := d.Dial(lateContext{t.Context()}, &Endpoint{Address: "up.test:80"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want a timeout", err)
	}
}

// stalls has a way to stall for each moment of a dial. The other side plays its
// part and then, unless it says so itself, reads on and answers nothing more.
func stalls(ca *testcert.Authority) []stall {
	upTLS := func(p *Proxy) *Endpoint {
		return &Endpoint{Address: "up.test:443", ServerName: "up.test", TLS: true, Proxy: p}
	}
	httpProxy := upTLS(&Proxy{Protocol: ProxyHTTP, Address: "proxy.test:3128"})
	httpsProxy := upTLS(&Proxy{Protocol: ProxyHTTPS, Address: "proxy.test:3128"})
	socks := upTLS(&Proxy{Protocol: ProxySOCKS, Address: "proxy.test:1080"})
	socksLogin := upTLS(&Proxy{Protocol: ProxySOCKS, Address: "proxy.test:1080", Username: "u", Password: "p"})
	onlyRead := func(net.Conn) {}
	opened := func(conn net.Conn) { answerConnect(conn, "HTTP/1.1 200 OK\r\n\r\n") }
	socksOpened := func(conn net.Conn) {
		exchange(conn, 3, "\x05\x00")
		exchange(conn, 4+1+len("up.test")+2, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
	}
	toProxy := certified(ca, "proxy.test")
	return []stall{
		{"TLS hello unanswered", upTLS(nil), StageTLS, onlyRead},
		{"TLS hello half answered", upTLS(nil), StageTLS, func(conn net.Conn) { io.WriteString(conn, "\x16\x03") }},
		{"CONNECT unread", httpProxy, StageProxyConnect, func(net.Conn) { time.Sleep(time.Hour) }},
		{"CONNECT unanswered", httpProxy, StageProxyConnect, onlyRead},
		{"CONNECT half answered", httpProxy, StageProxyConnect, func(conn net.Conn) { answerConnect(conn, "HTTP/1.1 200 OK\r\nVia: x") }},
		{"CONNECT answered slowly", httpProxy, StageProxyConnect, func(conn net.Conn) {
			readConnect(conn)
			drip(conn, time.Second, "HTTP/1.1 200 OK\r\n"+strings.Repeat("a: b\r\n", 1000))
		}},
		{"tunnel silent", httpProxy, StageTLS, opened},
		{"https proxy: TLS hello unanswered", httpsProxy, StageProxyConnect, onlyRead},
		{"https proxy: CONNECT unanswered", httpsProxy, StageProxyConnect, overTLS(toProxy, onlyRead)},
		{"https proxy: tunnel silent", httpsProxy, StageTLS, overTLS(toProxy, func(conn net.Conn) { opened(conn); drain(conn) })},
		{"SOCKS greeting unanswered", socks, StageProxyConnect, onlyRead},
		{"SOCKS login unanswered", socksLogin, StageProxyLogin, func(conn net.Conn) { exchange(conn, 4, "\x05\x02") }},
		{"SOCKS request unanswered", socks, StageProxyConnect, func(conn net.Conn) { exchange(conn, 3, "\x05\x00") }},
		{"SOCKS request half answered", socks, StageProxyConnect, func(conn net.Conn) {
			exchange(conn, 3, "\x05\x00")
			exchange(conn, 4+1+len("up.test")+2, "\x05\x00\x00\x01\x00\x00")
		}},
		{"SOCKS tunnel silent", socks, StageTLS, socksOpened},
	}
}

type stall struct {
	name     string
	endpoint *Endpoint
	stage    Stage
	play     func(net.Conn)
}

// stalledDial dials s in a bubble of fake time, which also fails the test if a
// goroutine stays behind, and reports how long Dial took.
func stalledDial(t *testing.T, s stall, d *Dialer, newContext func() (context.Context, context.CancelFunc)) (time.Duration, error) {
	ours, theirs := net.Pipe()
	d.dialTCP = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
	var closed sync.WaitGroup
	closed.Go(func() {
		s.play(theirs)
		drain(theirs)
	})
	ctx, cancel := newContext()
	defer cancel()
	begin := time.Now()
	_, err := d.Dial(ctx, s.endpoint)
	took := time.Since(begin)
	var failed *DialError
	if !errors.As(err, &failed) || failed.Stage != s.stage {
		t.Errorf("error %v, want one of stage %q", err, s.stage)
	}
	closed.Wait() // the other side has seen the close
	return took, err
}

func TestStallOfAnyStageEndsAtTheDeadline(t *testing.T) {
	ca := testcert.New()
	for _, s := range stalls(ca) {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, err := stalledDial(t, s, NewDialer(ca.Pool()), func() (context.Context, context.CancelFunc) {
					return context.WithTimeout(t.Context(), 10*time.Second)
				})
				if took != 10*time.Second || !IsTimeout(err) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("ended after %v with %v, want a timeout after 10s", took, err)
				}
			})
		})
	}
}

func TestCancellationEndsAnyStage(t *testing.T) {
	ca := testcert.New()
	for _, s := range stalls(ca) {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, err := stalledDial(t, s, NewDialer(ca.Pool()), func() (context.Context, context.CancelFunc) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					time.AfterFunc(3*time.Second, cancel)
					return ctx, cancel
				})
				if took != 3*time.Second || IsTimeout(err) || !errors.Is(err, context.Canceled) {
					t.Errorf("ended after %v with %v, want a cancellation after 3s", took, err)
				}
			})
		})
	}
}

// TestOneDeadlineCoversAllStages: each stage alone is in time, all together are not.
func TestOneDeadlineCoversAllStages(t *testing.T) {
	ca := testcert.New()
	slow := stall{
		endpoint: &Endpoint{Address: "up.test:443", ServerName: "up.test", TLS: true, Proxy: &Proxy{Protocol: ProxyHTTPS, Address: "proxy.test:3128"}},
		stage:    StageTLS,
		play: func(conn net.Conn) {
			time.Sleep(4 * time.Second)
			overTLS(certified(ca, "proxy.test"), func(conn net.Conn) {
				readConnect(conn)
				time.Sleep(4 * time.Second)
				io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
				time.Sleep(4 * time.Second)
				overTLS(certified(ca, "up.test"), echo)(conn)
			})(conn)
		},
	}
	synctest.Test(t, func(t *testing.T) {
		took, err := stalledDial(t, slow, NewDialer(ca.Pool()), func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 10*time.Second)
		})
		if took != 10*time.Second || !IsTimeout(err) {
			t.Errorf("ended after %v with %v, want a timeout after 10s", took, err)
		}
	})
}

// TestStallOnASocketEndsAtTheDeadline is one stall of the table on real sockets.
func TestStallOnASocketEndsAtTheDeadline(t *testing.T) {
	address := serve(t, drain)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := NewDialer(nil).Dial(ctx, &Endpoint{Address: address, ServerName: "up.test", TLS: true})
	if !IsTimeout(err) {
		t.Errorf("error %v, want a timeout", err)
	}
}

func TestTimeoutOfAReadIsATimeout(t *testing.T) {
	ca := testcert.New()
	address := serve(t, overTLS(certified(ca, "up.test"), drain))
	conn := mustDial(t, NewDialer(ca.Pool()), &Endpoint{Address: address, ServerName: "up.test", TLS: true})
	conn.SetReadDeadline(time.Now().Add(-time.Second))
	if _, err := conn.Read(make([]byte, 1)); !IsTimeout(err) {
		t.Errorf("error %v, want a timeout", err)
	}
}

func TestKeyTellsEndpointsApartAndHoldsNoSecret(t *testing.T) {
	base := func() *Endpoint {
		return &Endpoint{Address: "up.test:443", ServerName: "up.test", TLS: true,
			Proxy: &Proxy{ProxyHTTP, "proxy.test:3128", "secret-user", "secret-pass"}}
	}
	key := base().Key()
	if base().Key() != key {
		t.Error("equal endpoints have different keys")
	}
	if strings.Contains(key, "secret") {
		t.Errorf("key %q holds the login", key)
	}
	seen := map[string]string{key: "unchanged"}
	for name, change := range map[string]func(*Endpoint){
		"address":       func(e *Endpoint) { e.Address = "up.test:8443" },
		"server name":   func(e *Endpoint) { e.ServerName = "other.test" },
		"plain":         func(e *Endpoint) { e.TLS = false },
		"direct":        func(e *Endpoint) { e.Proxy = nil },
		"protocol":      func(e *Endpoint) { e.Proxy.Protocol = ProxySOCKS },
		"proxy address": func(e *Endpoint) { e.Proxy.Address = "other.test:3128" },
		"user":          func(e *Endpoint) { e.Proxy.Username = "another" },
		"password":      func(e *Endpoint) { e.Proxy.Password = "another" },
		"no login":      func(e *Endpoint) { e.Proxy.Username, e.Proxy.Password = "", "" },
		"login split":   func(e *Endpoint) { e.Proxy.Username, e.Proxy.Password = "secret-users", "ecret-pass" },
		"login unsplit": func(e *Endpoint) { e.Proxy.Username, e.Proxy.Password = "secret-user\"\"secret-pass", "" },
	} {
		e := base()
		change(e)
		if same, ok := seen[e.Key()]; ok {
			t.Errorf("%s has the key of %s", name, same)
		}
		seen[e.Key()] = name
	}
}
