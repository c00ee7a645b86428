package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// testCA signs what a test trusts.
type testCA struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newCA(t *testing.T) *testCA {
	ca := &testCA{t: t, pool: x509.NewCertPool()}
	template := certTemplate()
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	ca.cert, ca.key = ca.sign(template)
	ca.pool.AddCert(ca.cert)
	return ca
}

// certTemplate is valid in fake time too, which begins in the year 2000.
func certTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "upstream test"},
		NotBefore:    time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func (ca *testCA) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	parent, signer := ca.cert, ca.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		ca.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return cert, key
}

// server is the configuration of a server that goes by names. It sends no
// session tickets: a net.Pipe would have it wait until they are read.
func (ca *testCA) server(names ...string) *tls.Config {
	template := certTemplate()
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return ca.serverWith(template)
}

func (ca *testCA) serverWith(template *x509.Certificate) *tls.Config {
	cert, key := ca.sign(template)
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		SessionTicketsDisabled: true,
	}
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
	ca := newCA(t)
	config := ca.server("up.test")
	config.NextProtos = []string{"h2", "http/1.1"}
	conn := mustDial(t, NewDialer(ca.pool), &Endpoint{Address: serve(t, overTLS(config, echo)), ServerName: "up.test", TLS: true})
	state := conn.(*tls.Conn).ConnectionState()
	if state.NegotiatedProtocol != "http/1.1" || state.ServerName != "up.test" {
		t.Errorf("agreed on protocol %q with %q", state.NegotiatedProtocol, state.ServerName)
	}
	mustEcho(t, conn)
}

func TestIPAddressIsAServerName(t *testing.T) {
	ca := newCA(t)
	address := serve(t, overTLS(ca.server("127.0.0.1", "::1"), echo))
	for _, name := range []string{"127.0.0.1", "::1"} {
		mustEcho(t, mustDial(t, NewDialer(ca.pool), &Endpoint{Address: address, ServerName: name, TLS: true}))
	}
}

func TestTLSSessionIsResumed(t *testing.T) {
	ca := newCA(t)
	config := ca.server("up.test")
	config.SessionTicketsDisabled = false
	d := NewDialer(ca.pool)
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
	ca := newCA(t)
	expired := certTemplate()
	expired.DNSNames, expired.NotAfter = []string{"up.test"}, time.Now().Add(-time.Hour)
	noHTTP := ca.server("up.test")
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
		{"untrusted by the test's roots", overTLS(newCA(t).server("up.test"), echo), ca.pool, "unknown authority"},
		{"untrusted by the system", overTLS(ca.server("up.test"), echo), nil, "x509: "},
		{"wrong name", overTLS(ca.server("other.test", "127.0.0.1"), echo), ca.pool, "up.test"},
		{"expired", overTLS(ca.serverWith(expired), echo), ca.pool, "expired"},
		{"speaks no HTTP", overTLS(noHTTP, echo), ca.pool, "no application protocol"},
		{"speaks plain HTTP", func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			drain(conn)
		}, ca.pool, "does not look like a TLS handshake"},
		{"resets", reset, ca.pool, "reset"},
		{"hangs up", func(conn net.Conn) {
			conn.(*net.TCPConn).CloseWrite()
			drain(conn)
		}, ca.pool, "the other side closed the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := dial(t, NewDialer(c.roots), &Endpoint{Address: serve(t, c.server), ServerName: "up.test", TLS: true})
			wantFailure(t, err, StageTLS, c.words)
		})
	}
}
