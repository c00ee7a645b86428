package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ai-gw-lite/internal/certs"
	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/upstream"
)

// site is a Service with a configuration to change.
type site struct {
	*Service
	t   *testing.T
	log *syncBuffer
}

// openSite puts a configuration in force on a port of its own.
func openSite(t *testing.T, c *config.Config) *site {
	t.Helper()
	return openOperatedSite(t, c, nil)
}

// openOperatedSite has the operator's endpoints too, where c opens them.
func openOperatedSite(t *testing.T, c *config.Config, o *Operator) *site {
	t.Helper()
	s := &site{t: t, log: new(syncBuffer)}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	s.Service = NewService(gateway.New(upstream.NewDialer(nil), nil), Listen, o, log)
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if err := s.Apply(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.StartDrain()
		over, cancel := context.WithCancel(context.Background())
		cancel()
		s.Drain(over)
	})
	return s
}

func (s *site) addr() string {
	ln, _ := s.Listener()
	return ln.Addr().String()
}

// client trusts the certificate in a file, if one is named, and opens a
// connection for each request.
func (s *site) client(certPath string) *http.Client {
	s.t.Helper()
	roots := x509.NewCertPool()
	if certPath != "" {
		pem, err := os.ReadFile(certPath)
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			s.t.Fatalf("read %s: %v", certPath, err)
		}
	}
	return &http.Client{Timeout: patienceOfTests, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
}

func health(t *testing.T, c *http.Client, url string) {
	t.Helper()
	res, err := c.Get(url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != `{"status":"ok"}` {
		t.Fatalf("/healthz answers %q and %v", body, err)
	}
}

// keptOpen opens a connection and has one request answered on it.
func (s *site) keptOpen() *rawClient {
	s.t.Helper()
	c := (&rig{t: s.t, addr: s.addr()}).dial()
	c.send("GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
	c.answer("GET").ok(s.t)
	return c
}

// isLeft fails the test unless the next answer on a connection is its last.
func (s *site) isLeft(c *rawClient) {
	s.t.Helper()
	c.send("GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
	a := c.answer("GET")
	a.ok(s.t)
	if a.header.Get("Connection") != "close" {
		s.t.Errorf("the next answer has Connection: %q, want close", a.header.Get("Connection"))
	}
	c.closed()
	c.Close()
}

// makePair writes a new self-signed pair and returns its paths.
func makePair(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := (certs.SelfSigned{CertPath: cert, KeyPath: key}).Ensure("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestReloadKeepsConnectionsOpen(t *testing.T) {
	noGoroutineIsLeft(t)
	c := newConfig("http://127.0.0.1:1")
	s := openSite(t, c)
	open := s.keptOpen()
	again := *c
	again.RateLimit.PerMinute = 1
	for range 10 {
		if err := s.Apply(&again); err != nil {
			t.Fatal(err)
		}
	}
	open.send("GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
	if a := open.answer("GET"); a.status != 200 || a.header.Get("Connection") != "" {
		t.Errorf("the answer is %d with Connection: %q, want 200 and none", a.status, a.header.Get("Connection"))
	}
}

func TestListenerMovesAndTheOldOneDrains(t *testing.T) {
	noGoroutineIsLeft(t)
	c := newConfig("http://127.0.0.1:1")
	s := openSite(t, c)
	open, before := s.keptOpen(), s.addr()
	moved := *c
	moved.Listen = freeAddress(t)
	if err := s.Apply(&moved); err != nil {
		t.Fatal(err)
	}
	if s.addr() != moved.Listen {
		t.Errorf("it listens on %s, want %s", s.addr(), moved.Listen)
	}
	health(t, s.client(""), "http://"+moved.Listen)
	if c, err := net.Dial("tcp", before); err == nil {
		c.Close()
		t.Error("the old port is open still")
	}
	s.isLeft(open)
	if !within(patienceOfTests, func() bool { return len(s.all(false)) == 1 }) {
		t.Error("the old server is kept after its last client has gone")
	}
}

func TestListenerMovesOnItsOwnPort(t *testing.T) {
	noGoroutineIsLeft(t)
	c := newConfig("http://127.0.0.1:1")
	c.Listen = freeAddress(t)
	_, port, _ := net.SplitHostPort(c.Listen)
	s := openSite(t, c)
	open := s.keptOpen()
	moved := *c
	moved.Listen = "0.0.0.0:" + port // in the way of the old one, and it of this
	if err := s.Apply(&moved); err != nil {
		t.Fatal(err)
	}
	health(t, s.client(""), "http://127.0.0.1:"+port)
	if !strings.HasPrefix(s.addr(), "0.0.0.0:") && !strings.HasPrefix(s.addr(), "[::]:") {
		t.Errorf("it listens on %s", s.addr())
	}
	s.isLeft(open)
}

func TestListenerComesBackWhenItCannotMove(t *testing.T) {
	noGoroutineIsLeft(t)
	c := newConfig("http://127.0.0.1:1")
	c.Listen = freeAddress(t)
	_, port, _ := net.SplitHostPort(c.Listen)
	s := openSite(t, c)
	refused := errors.New("refused")
	s.listen = func(address string) (net.Listener, error) {
		if address != c.Listen {
			return nil, refused
		}
		return Listen(address)
	}
	open := s.keptOpen()
	moved := *c
	moved.Listen = "0.0.0.0:" + port
	if err := s.Apply(&moved); err == nil || !strings.Contains(err.Error(), refused.Error()) {
		t.Fatalf("Apply: %v, want a refusal", err)
	}
	if s.Config() != c {
		t.Error("the configuration that could not be put in force is")
	}
	health(t, s.client(""), "http://"+c.Listen)
	open.send("GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
	if a := open.answer("GET"); a.header.Get("Connection") != "" {
		t.Error("a connection was told to end although nothing has changed")
	}
}

func TestTLSIsSwitchedOnAndOffOnTheOpenPort(t *testing.T) {
	noGoroutineIsLeft(t)
	cert, key := makePair(t)
	plain := newConfig("http://127.0.0.1:1")
	s := openSite(t, plain)
	secure := *plain
	secure.InboundTLS = &config.InboundTLS{CertPath: cert, KeyPath: key}
	open, address := s.keptOpen(), s.addr()
	for range 2 {
		if err := s.Apply(&secure); err != nil {
			t.Fatal(err)
		}
		health(t, s.client(cert), "https://"+address)
		if err := s.Apply(plain); err != nil {
			t.Fatal(err)
		}
		health(t, s.client(""), "http://"+address)
	}
	s.isLeft(open)
}

func TestCertificateIsExchangedUnderOpenConnections(t *testing.T) {
	noGoroutineIsLeft(t)
	first, firstKey := makePair(t)
	second, secondKey := makePair(t)
	c := newConfig("http://127.0.0.1:1")
	c.InboundTLS = &config.InboundTLS{CertPath: first, KeyPath: firstKey}
	s := openSite(t, c)
	kept := s.client(first)
	kept.Transport.(*http.Transport).DisableKeepAlives = false
	defer kept.CloseIdleConnections()
	health(t, kept, "https://"+s.addr())
	next := *c
	next.InboundTLS = &config.InboundTLS{CertPath: second, KeyPath: secondKey}
	if err := s.Apply(&next); err != nil {
		t.Fatal(err)
	}
	health(t, s.client(second), "https://"+s.addr())
	health(t, kept, "https://"+s.addr()) // it would not trust the second one on a new connection
	if _, err := s.client(first).Get("https://" + s.addr() + "/healthz"); err == nil {
		t.Error("a new connection gets the old certificate")
	}
}

func TestNothingIsAppliedOnceADrainIsNear(t *testing.T) {
	c := newConfig("http://127.0.0.1:1")
	s := openSite(t, c)
	s.Announce()
	if err := s.Apply(c); err == nil {
		t.Error("a configuration was applied")
	}
}
