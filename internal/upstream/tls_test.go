package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"time"

	"ai-gw-lite/internal/testcert"
)

// certified is the configuration of a server that goes by names. It sends no
// session tickets: a net.Pipe would have it wait until they are read.
func certified(ca *testcert.Authority, names ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{ca.Pair(names...)}, SessionTicketsDisabled: true}
}

// overTLS is play behind a TLS handshake.
func overTLS(config *tls.Config, play func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		secured := tls.Server(conn, config)
		if secured.Handshake() == nil {
			play(secured)
		}
	}
}

func TestTLSUpstreamIsSpokenToInHTTP1(t *testing.T) {
	ca := testcert.New()
	config := certified(ca, "up.test")
	config.NextProtos = []string{"h2", "http/1.1"}
	conn := mustDial(t, NewDialer(ca.Pool()), &Endpoint{Address: serve(t, overTLS(config, echo)), ServerName: "up.test", TLS: true})
	state := conn.(*tls.Conn).ConnectionState()
	if state.NegotiatedProtocol != "http/1.1" || state.ServerName != "up.test" {
		t.Errorf("agreed on protocol %q with %q", state.NegotiatedProtocol, state.ServerName)
	}
	mustEcho(t, conn)
}

func TestIPAddressIsAServerName(t *testing.T) {
	ca := testcert.New()
	address := serve(t, overTLS(certified(ca, "127.0.0.1", "::1"), echo))
	for _, name := range []string{"127.0.0.1", "::1"} {
		mustEcho(t, mustDial(t, NewDialer(ca.Pool()), &Endpoint{Address: address, ServerName: name, TLS: true}))
	}
}

func TestTLSSessionIsResumed(t *testing.T) {
	ca := testcert.New()
	config := certified(ca, "up.test")
	config.SessionTicketsDisabled = false
	d := NewDialer(ca.Pool())
	e := &Endpoint{Address: serve(t, overTLS(config, echo)), ServerName: "up.test", TLS: true}
	for dials, resumed := range []bool{false, true} {
		conn := mustDial(t, d, e)
		mustEcho(t, conn) // the ticket comes with the first bytes read
		if got := conn.(*tls.Conn).ConnectionState().DidResume; got != resumed {
			t.Errorf("resumed in dial %d: %v", dials, got)
		}
	}
}

func TestUntrustworthyUpstreamIsAConnectError(t *testing.T) {
	ca := testcert.New()
	expired := &tls.Config{Certificates: []tls.Certificate{ca.PairUntil(time.Now().Add(-time.Hour), "up.test")}}
	old := certified(ca, "up.test")
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	noHTTP := certified(ca, "up.test")
	noHTTP.NextProtos = []string{"imap"}
	reset := func(conn net.Conn) {
		conn.Read(make([]byte, 1))
		conn.(*net.TCPConn).SetLinger(0)
	}
	for _, c := range []struct {
		name   string
		server func(net.Conn)
		roots  *x509.CertPool
		words  string
	}{
		{"untrusted by the test's roots", overTLS(certified(testcert.New(), "up.test"), echo), ca.Pool(), "unknown authority"},
		{"untrusted by the system", overTLS(certified(ca, "up.test"), echo), nil, "x509: "},
		{"wrong name", overTLS(certified(ca, "other.test", "127.0.0.1"), echo), ca.Pool(), "up.test"},
		{"expired", overTLS(expired, echo), ca.Pool(), "expired"},
		{"speaks TLS 1.1 at best", overTLS(old, echo), ca.Pool(), "protocol version"},
		{"speaks no HTTP", overTLS(noHTTP, echo), ca.Pool(), "no application protocol"},
		{"speaks plain HTTP", func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			drain(conn)
		}, ca.Pool(), "does not look like a TLS handshake"},
		{"resets", reset, ca.Pool(), "reset"},
		{"hangs up", func(conn net.Conn) {
			conn.(*net.TCPConn).CloseWrite()
			drain(conn)
		}, ca.Pool(), "the other side closed the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := dial(t, NewDialer(c.roots), &Endpoint{Address: serve(t, c.server), ServerName: "up.test", TLS: true})
			wantFailure(t, err, StageTLS, c.words)
		})
	}
}

// lastWords is a connection that says something and ends in one read, as TLS
// itself does when a closure alert stands right behind.
type lastWords struct {
	net.Conn
	words string
}

func (l *lastWords) Read(b []byte) (n int, err error) {
	n = copy(b, l.words)
	l.words = l.words[n:]
	return n, io.EOF
}

func TestLastWordsBeforeAnEndUnderTLSAreRead(t *testing.T) {
	c := underTLS{&lastWords{words: "a record"}}
	b := make([]byte, 100)
	if n, err := c.Read(b); string(b[:n]) != "a record" || err != nil {
		t.Errorf("got %q, %v", b[:n], err)
	}
	if n, err := c.Read(b); n != 0 || err != ErrNoClosureAlert {
		t.Errorf("then %d bytes, %v", n, err)
	}
}

// oneSegment is a socket that collects what is written to it.
type oneSegment struct {
	net.Conn
	joining bool
	joined  []byte
}

func (s *oneSegment) Write(b []byte) (int, error) {
	if !s.joining {
		return s.Conn.Write(b)
	}
	s.joined = append(s.joined, b...)
	return len(b), nil
}
