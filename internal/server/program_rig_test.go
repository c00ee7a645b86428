package server

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/observe"
	"ai-gw-lite/internal/upstream"
)

// program is the gateway put together as its command does it, from a file in
// YAML, with everything that watches it: for the promises that a field of the
// configuration makes to its operator.
type program struct {
	*rig
	service        *Service
	watched        *observe.Observatory
	stdout, stderr *syncBuffer
	read           int // lines of the access log that were looked at
}

// observed is what an operator writes who wants to know what happens.
const observed = "observability: {logging: {format: json}, metrics: {enabled: true, token: operator-metrics}}\n"

// run serves a configuration over a transport until the test ends. Listener,
// certificate and tokens are added to it. The machine that it runs on trusts
// testCertificate.
func run(t *testing.T, via transport, yaml string, args ...any) *program {
	t.Helper()
	p := &program{stdout: new(syncBuffer), stderr: new(syncBuffer)}
	p.rig = &rig{t: t, via: via, ended: make(chan gateway.Outcome, 1000), log: p.stderr}
	c := load(t, via, fmt.Sprintf(yaml, args...))
	var err error
	if p.watched, err = observe.New(observe.Options{Config: c, Version: "test", Stdout: p.stdout, Stderr: p.stderr}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.watched.Close(patienceOfTests) })
	p.gateway = gateway.New(upstream.NewDialer(testCertificate().pool), announcer{p.watched, p.ended})
	p.gateway.OnCooldown(p.watched.CooldownChanged)
	p.watched.ReadCooldowns(p.gateway.Cooldowns)
	p.service = NewService(p.gateway, Listen, &Operator{
		MetricsType: observe.MetricsType, Metrics: p.watched.MetricsText,
		StreamsType: observe.StreamsType, Streams: p.watched.StreamsText,
	}, p.watched.Log())
	if err := p.service.Apply(c); err != nil {
		t.Fatal(err)
	}
	ln, _ := p.service.Listener()
	p.addr = ln.Addr().String()
	p.client = &http.Client{Transport: clientTransport(via)}
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		p.service.StartDrain()
		p.service.Drain(t.Context()) // which has ended
	})
	return p
}

// reread puts in force what the file, and the files that it names, hold now.
func (p *program) reread() {
	p.t.Helper()
	c, err := config.Load(p.service.Config().Path, config.OS(), CheckCertificates)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.service.Apply(c); err != nil {
		p.t.Fatal(err)
	}
}

func load(t *testing.T, via transport, yaml string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	head := fmt.Sprintf("listen: 127.0.0.1:0\ngateway_auth: {tokens: [%s, %s]}\n", token, otherToken)
	if via.secure {
		cert, key := pemFiles(t, dir)
		head += fmt.Sprintf("inbound_tls: {cert_path: %q, key_path: %q}\n", cert, key)
	}
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(head+yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, config.OS(), CheckCertificates)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pemFiles writes the certificate that the clients of tests trust, and its key.
func pemFiles(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	pair := testCertificate().pair
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "gateway.crt"), filepath.Join(dir, "gateway.key")
	writePEM(t, cert, "CERTIFICATE", pair.Certificate[0])
	writePEM(t, key, "PRIVATE KEY", der)
	return cert, key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// announcer tells the test of an exchange's end once everybody else was told.
type announcer struct {
	*observe.Observatory
	ended chan gateway.Outcome
}

func (a announcer) Begin(b gateway.Beginning) gateway.Watch {
	return announced{a.Observatory.Begin(b), a.ended}
}

type announced struct {
	gateway.Watch
	ended chan gateway.Outcome
}

func (a announced) End(o *gateway.Outcome) {
	kept := *o
	kept.Attempts = append([]gateway.Attempt(nil), o.Attempts...)
	a.Watch.End(o)
	a.ended <- kept
}

// accessLine is what tests read of an access log's line.
type accessLine struct {
	RequestID string `json:"request_id"`
	Route     string
	Path      string
	Status    int
	Code      string
	Upstream  string
	Attempts  int
	BytesOut  int64 `json:"bytes_out"`
	End       string
	Model     string
	Usage     *struct {
		Input  *int `json:"input_uncached"`
		Output *int `json:"output"`
	}
}

// line waits for the next line of the access log.
func (p *program) line() (l accessLine) {
	p.t.Helper()
	var lines []string
	if !within(patienceOfTests, func() bool {
		lines = strings.SplitAfter(p.stdout.String(), "\n")
		return len(lines) > p.read+1
	}) {
		p.t.Fatalf("the access log has no line %d", p.read+1)
	}
	if err := json.Unmarshal([]byte(lines[p.read]), &l); err != nil {
		p.t.Fatalf("%q: %v", lines[p.read], err)
	}
	p.read++
	return l
}

// said waits for a line on stderr that holds all of the texts.
func (p *program) said(texts ...string) {
	p.t.Helper()
	if !within(patienceOfTests, func() bool { return p.hasSaid(texts...) }) {
		p.t.Errorf("no line on stderr holds %q:\n%s", texts, p.stderr)
	}
}

func (p *program) hasSaid(texts ...string) bool {
	for line := range strings.Lines(p.stderr.String()) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			return true
		}
	}
	return false
}

// counts fails the test unless a metric has come to that value.
func (p *program) counts(series, value string) {
	p.t.Helper()
	var text strings.Builder
	if err := p.watched.MetricsText(&text, false); err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if got, ok := strings.CutPrefix(line, series+" "); ok {
			if got = strings.TrimSpace(got); got != value {
				p.t.Errorf("%s is %s, want %s", series, got, value)
			}
			return
		}
	}
	p.t.Errorf("there is no %s", series)
}

// gate keeps something waiting until it is opened, by the end of the test if not before.
func gate(t *testing.T) (open func(), opened <-chan struct{}) {
	c := make(chan struct{})
	open = sync.OnceFunc(func() { close(c) })
	t.Cleanup(open)
	return open, c
}

// unhurried is how long a test lets pass what must not end anything.
const unhurried = 300 * time.Millisecond
