package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/testcert"
	"ai-gw-lite/internal/upstream"
)

const (
	token       = "gw_alice"
	otherToken  = "gw_bob"
	providerKey = "Bearer sk-provider"
)

// newConfig is a configuration as loading one would give it: one route, /api,
// to base, with its provider key.
func newConfig(base string) *config.Config {
	return &config.Config{
		Auth: config.Auth{
			Tokens:  []string{token, otherToken},
			Sources: []config.TokenSource{{Header: "authorization", Bearer: true}},
		},
		Routes: []config.Route{newRoute("api", "/api", base)},
	}
}

func newRoute(id, prefix, base string) config.Route {
	u, err := url.Parse(base)
	if err != nil {
		panic(err)
	}
	return config.Route{ID: id, Prefix: prefix, Upstreams: []config.Upstream{{
		BaseURL: config.BaseURL{
			Scheme:     u.Scheme,
			Authority:  u.Host,
			Address:    u.Host,
			ServerName: u.Hostname(),
			Path:       strings.TrimRight(u.EscapedPath(), "/"),
		},
		StripPrefix:    true,
		ConnectTimeout: patienceOfTests,
		RequestTimeout: time.Minute,
		InjectHeaders:  []config.Header{{Name: "authorization", Value: providerKey}},
		Weight:         1,
		WebSocket:      true,
	}}}
}

// rig is a gateway that serves on a port of its own, with a client for one
// transport.
type rig struct {
	blind
	t       *testing.T
	via     transport
	gateway *gateway.Gateway
	server  *Server
	addr    string
	client  *http.Client
	stop    func() // closes the listener; runs once

	upstream *scriptedUpstream // for those who need it

	ended chan gateway.Outcome // each exchange's, after it gave everything back
	log   *syncBuffer
}

// start serves a configuration. Everything is stopped when the test ends.
func start(t *testing.T, via transport, c *config.Config, more ...gateway.Watch) *rig {
	t.Helper()
	return startPatient(t, via, c, usualPatience(), more...)
}

func startPatient(t *testing.T, via transport, c *config.Config, p patience, more ...gateway.Watch) *rig {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, via: via, addr: ln.Addr().String(), ended: make(chan gateway.Outcome, 10000), log: new(syncBuffer)}
	g.gateway = gateway.New(upstream.NewDialer(nil), watches(append([]gateway.Watch{g}, more...)))
	log := slog.New(slog.NewTextHandler(g.log, nil))
	g.gateway.OnDefect(tellOfDefects(log))
	snapshot, err := gateway.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	g.gateway.Use(snapshot)
	var secure *tls.Config
	if via.secure {
		pair := testCertificate().pair
		var shown atomic.Pointer[tls.Certificate]
		shown.Store(&pair)
		secure = TLS(&shown)
	}
	g.server = newServer(g.gateway, secure, log, p)
	g.client = &http.Client{Transport: clientTransport(via), CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	served := make(chan struct{})
	go func() { g.server.Serve(ln); close(served) }()
	g.stop = sync.OnceFunc(func() {
		ln.Close()
		<-served
		g.server.StartDrain()
	})
	t.Cleanup(func() {
		g.client.CloseIdleConnections()
		g.stop()
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nothing that a test leaves behind is waited for
		g.server.Drain(ctx)
	})
	return g
}

// End makes the rig follow its gateway's exchanges.
func (g *rig) End(o *gateway.Outcome) {
	kept := *o
	kept.Attempts = slices.Clone(o.Attempts)
	g.ended <- kept
}

// outcome waits for the next exchange to end.
func (g *rig) outcome() gateway.Outcome {
	g.t.Helper()
	select {
	case o := <-g.ended:
		return o
	case <-time.After(patienceOfTests):
		g.t.Fatal("no exchange has ended")
		return gateway.Outcome{}
	}
}

func clientTransport(via transport) *http.Transport {
	t := &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: testCertificate().pool},
		DisableCompression: true, // or the client would ask for gzip of its own accord
		Protocols:          new(http.Protocols),
	}
	t.Protocols.SetHTTP1(!via.http2)
	t.Protocols.SetHTTP2(via.http2 && via.secure)
	t.Protocols.SetUnencryptedHTTP2(via.http2 && !via.secure)
	return t
}

// request makes a request whose target goes out as it is written. It carries
// the token unless a header line says otherwise; "Name:" alone takes a header away.
func (g *rig) request(method, target string, body io.Reader, lines ...string) *http.Request {
	g.t.Helper()
	scheme := "http"
	if g.via.secure {
		scheme = "https"
	}
	req, err := http.NewRequest(method, scheme+"://"+g.addr, body)
	if err != nil {
		g.t.Fatal(err)
	}
	path, query, asked := strings.Cut(target, "?")
	req.URL.Opaque, req.URL.RawQuery, req.URL.ForceQuery = path, query, asked && query == ""
	if strings.HasPrefix(path, "//") { // as it stands it would name a host
		req.URL.Opaque, req.URL.Path, req.URL.RawPath = "", path, path
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header["User-Agent"] = []string{""} // none
	fresh := make(map[string]bool)
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ":")
		name = http.CanonicalHeaderKey(name)
		if !fresh[name] {
			fresh[name] = true
			req.Header.Del(name)
		}
		if value != "" {
			req.Header.Add(name, strings.TrimPrefix(value, " "))
		}
	}
	return req
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// do sends a request and reads its answer.
func (g *rig) do(req *http.Request) *answer {
	g.t.Helper()
	res := g.open(req)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return &answer{status: res.StatusCode, header: res.Header, body: string(b), err: err}
}

// try is do for a request that may get no answer at all.
func (g *rig) try(req *http.Request) (*answer, error) {
	ctx, cancel := context.WithTimeout(req.Context(), patienceOfTests)
	defer cancel()
	res, err := g.client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return &answer{status: res.StatusCode, header: res.Header, body: string(b), err: err}, nil
}

// open sends a request and returns once the head of its answer is here. The
// body is the caller's to close.
func (g *rig) open(req *http.Request) *http.Response {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(req.Context(), patienceOfTests)
	g.t.Cleanup(cancel)
	res, err := g.client.Do(req.WithContext(ctx))
	if err != nil {
		g.t.Fatalf("%s %s: %v", req.Method, req.URL.Opaque, err)
	}
	g.t.Cleanup(func() { res.Body.Close() })
	return res
}

func (g *rig) get(target string, lines ...string) *answer {
	g.t.Helper()
	return g.do(g.request("GET", target, nil, lines...))
}

func (g *rig) post(target, body string, lines ...string) *answer {
	g.t.Helper()
	return g.do(g.request("POST", target, strings.NewReader(body), lines...))
}

// refusal fails the test unless the answer is the gateway's own error.
func (a *answer) refusal(t *testing.T, status int, code string) {
	t.Helper()
	if want := `{"error":"` + code + `"}`; a.status != status || a.body != want {
		t.Fatalf("got %d %q, want %d %q", a.status, a.body, status, want)
	}
	if got := a.header.Values("Content-Type"); len(got) != 1 || got[0] != "application/json" {
		t.Errorf("Content-Type is %q, want application/json", got)
	}
}

// ok fails the test unless the answer is a whole 200.
func (a *answer) ok(t *testing.T) {
	t.Helper()
	if a.status != 200 || a.err != nil {
		t.Fatalf("got %d %q (%v), want a whole 200", a.status, a.body, a.err)
	}
}

// ask makes one request on which the test ends if it is not answered by 200:
// proof that no slot is held.
func (g *rig) ask(target string) {
	g.t.Helper()
	g.get(target).ok(g.t)
	g.outcome()
}

// certificate is what a gateway shows over TLS in tests.
type certificate struct {
	pair tls.Certificate
	pool *x509.CertPool
}

var testCertificate = sync.OnceValue(func() certificate {
	authority := testcert.New()
	return certificate{authority.Pair("127.0.0.1"), authority.Pool()}
})

// syncBuffer collects log lines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
