package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/server"
	"ai-gw-lite/internal/simulate"
	"ai-gw-lite/internal/upstream"
)

const patienceOfTests = 10 * time.Second

// The marks must not be found in anything that an operator sees.
const (
	markToken = "gw_MARK-of-the-token"
	markKey   = "sk-MARK-of-the-key"
	markAdmin = "MARK-of-the-admin"
	markScope = "MARK-of-the-metrics"
)

const testConfig = `
listen: 127.0.0.1:0
gateway_auth:
  tokens: [` + markToken + `]
routes:
  - id: ai
    prefix: /ai
    upstream:
      base_url: BASE
      inject_headers:
        - {name: authorization, value: Bearer ` + markKey + `}
`

// loadConfig is a configuration with everything on that the test asks for.
func loadConfig(t testing.TB, base string, observability *config.Observability) *config.Config {
	t.Helper()
	text := strings.Replace(testConfig, "BASE", base, 1)
	c, err := config.Load("test.yaml", config.Env{
		Lookup:   func(string) (string, bool) { return "", false },
		ReadFile: func(string) ([]byte, error) { return []byte(text), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Observability = observability
	return c
}

// asked is an observability section with its defaults.
func asked() *config.Observability {
	return &config.Observability{
		RequestIDHeader: "x-request-id",
		Logging:         config.Logging{Level: "info", Format: "json", ToStdout: true, AccessLog: true},
	}
}

// observatory is an Observatory that tests read.
type observatory struct {
	*Observatory
	stdout, stderr *buffer
}

func newObservatory(t testing.TB, c *config.Config) *observatory {
	t.Helper()
	o := &observatory{stdout: new(buffer), stderr: new(buffer)}
	ob, err := New(Options{Config: c, Version: "1.2.3", Stdout: o.stdout, Stderr: o.stderr})
	if err != nil {
		t.Fatal(err)
	}
	o.Observatory = ob
	t.Cleanup(func() { ob.Close(time.Second) })
	return o
}

// accessLines are the JSON lines on stdout so far.
func (o *observatory) accessLines(t testing.TB) (lines []map[string]any) {
	t.Helper()
	o.Observatory.stdout.Flush(patienceOfTests)
	for line := range strings.Lines(o.stdout.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, m)
	}
	return lines
}

// rig is a gateway in front of a simulated provider, observed.
type rig struct {
	*observatory
	t        testing.TB
	config   *config.Config
	gateway  *gateway.Gateway
	provider *simulate.Server
	url      string
	ended    chan gateway.Outcome // each exchange's, when everybody has been told
}

func startRig(t testing.TB, o simulate.Options, observability *config.Observability, changes ...func(*config.Config)) *rig {
	t.Helper()
	provider, err := simulate.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { provider.Close() })
	c := loadConfig(t, provider.URL(), observability)
	for _, change := range changes {
		change(c)
	}
	r := &rig{observatory: newObservatory(t, c), t: t, config: c, provider: provider, ended: make(chan gateway.Outcome, 1000)}
	ln, err := server.Listen(c.Listen)
	if err != nil {
		t.Fatal(err)
	}
	r.gateway = gateway.New(upstream.NewDialer(nil), announcing{r.Observatory, r.ended})
	snapshot, err := gateway.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	r.gateway.Use(snapshot)
	s := server.New(r.gateway, nil, slog.New(slog.DiscardHandler))
	r.url = "http://" + ln.Addr().String()
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(ln) }()
	t.Cleanup(func() {
		s.StartDrain()
		ln.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Drain(ctx)
		<-served
	})
	return r
}

// announcing says when an exchange has ended and everybody has been told.
type announcing struct {
	*Observatory
	ended chan gateway.Outcome
}

func (a announcing) Begin(b gateway.Beginning) gateway.Watch {
	return &announcingWatch{a.Observatory.Begin(b), a.ended}
}

type announcingWatch struct {
	gateway.Watch
	ended chan gateway.Outcome
}

func (w *announcingWatch) End(o *gateway.Outcome) {
	copied := *o
	w.Watch.End(o)
	w.ended <- copied
}

func (r *rig) outcome() gateway.Outcome {
	r.t.Helper()
	select {
	case o := <-r.ended:
		return o
	case <-time.After(patienceOfTests):
		r.t.Fatal("no exchange has ended")
		return gateway.Outcome{}
	}
}

// post sends a request with the token, unless a header says otherwise, and
// returns its answer once it was read and observed.
func (r *rig) post(target, body string, headers ...string) (status int, answer string) {
	r.t.Helper()
	res := r.open(target, body, headers...)
	b, _ := io.ReadAll(res.Body) // some break off
	res.Body.Close()
	r.outcome()
	return res.StatusCode, string(b)
}

// open returns once the head of the answer is here.
func (r *rig) open(target, body string, headers ...string) *http.Response {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	r.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "POST", r.url+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+markToken)
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}

const (
	chatPath  = "/ai/v1/chat/completions"
	chatPlain = `{"model":"gpt-5","messages":[{"role":"user","content":"one two three four five six seven eight"}]}`
	chatSSE   = `{"model":"gpt-5","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"one two three four five six seven eight"}]}`
)

// buffer collects what is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
