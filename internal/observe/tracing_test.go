package observe

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/simulate"
)

// receiver is a collector: it speaks OTLP over gRPC and keeps what it gets.
type receiver struct {
	collectorpb.UnimplementedTraceServiceServer
	addr string
	got  chan *tracepb.Span
	busy sync.Mutex // held while it is to take nothing
	stop func()

	mu       sync.Mutex
	resource map[string]string
	text     strings.Builder // everything
}

func startReceiver(t testing.TB, addr string) *receiver {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{addr: ln.Addr().String(), got: make(chan *tracepb.Span, 2*spansWaiting)}
	s := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(s, r)
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(ln) }()
	r.stop = sync.OnceFunc(func() { s.Stop(); <-served })
	t.Cleanup(r.stop)
	return r
}

func (r *receiver) Export(_ context.Context, req *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	r.busy.Lock()
	defer r.busy.Unlock()
	for _, rs := range req.ResourceSpans {
		r.mu.Lock()
		r.resource = attributesOf(rs.Resource.Attributes)
		r.text.WriteString(rs.String())
		r.mu.Unlock()
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				r.got <- s
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// span waits for the next span of that kind.
func (r *receiver) span(t testing.TB, kind tracepb.Span_SpanKind) *tracepb.Span {
	t.Helper()
	late := time.After(patienceOfTests)
	for {
		select {
		case s := <-r.got:
			if s.Kind == kind {
				return s
			}
		case <-late:
			t.Fatalf("no span of the kind %v has come", kind)
		}
	}
}

func attributesOf(list []*commonpb.KeyValue) map[string]string {
	m := make(map[string]string)
	for _, a := range list {
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			m[a.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			m[a.Key] = fmt.Sprint(v.IntValue)
		case *commonpb.AnyValue_BoolValue:
			m[a.Key] = fmt.Sprint(v.BoolValue)
		}
	}
	return m
}

func withTracing(addr string) *config.Observability {
	on := asked()
	on.Tracing = config.Tracing{Enabled: true, SampleRatio: 1, Endpoint: "http://" + addr, Timeout: time.Second}
	return on
}

// patientTracing is for a test that loses its spans to no busy machine.
func patientTracing(addr string) *config.Observability {
	on := withTracing(addr)
	on.Tracing.Timeout = patienceOfTests
	return on
}

const (
	traceOfClient = "0af7651916cd43dd8448eb211c80319c"
	spanOfClient  = "b7ad6b7169203331"
)

func TestSpansContinueTheClientsTrace(t *testing.T) {
	collector := startReceiver(t, "127.0.0.1:0")
	var passedOn string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		passedOn = r.Header.Get("traceparent")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"model":"gpt-5-2026","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":8}}}`)
	}))
	defer provider.Close()
	r := startRig(t, simulate.Options{}, withTracing(collector.addr), func(c *config.Config) {
		*c = *loadConfig(t, provider.URL, c.Observability)
	})
	r.post(chatPath, chatPlain, "traceparent: 00-"+traceOfClient+"-"+spanOfClient+"-01")

	client := collector.span(t, tracepb.Span_SPAN_KIND_CLIENT) // it ends first
	server := collector.span(t, tracepb.Span_SPAN_KIND_SERVER)
	if hex.EncodeToString(server.TraceId) != traceOfClient || hex.EncodeToString(server.ParentSpanId) != spanOfClient {
		t.Errorf("the server span has trace %x and parent %x", server.TraceId, server.ParentSpanId)
	}
	if want := fmt.Sprintf("00-%x-%x-01", client.TraceId, client.SpanId); passedOn != want || string(client.ParentSpanId) != string(server.SpanId) {
		t.Errorf("passed on was %s, the client span is %s with parent %x", passedOn, want, client.ParentSpanId)
	}
	if server.Name != "ai" || client.Name != "POST" || server.StartTimeUnixNano > client.StartTimeUnixNano || server.EndTimeUnixNano < client.EndTimeUnixNano {
		t.Errorf("the spans are %s and %s", server, client)
	}
	got := attributesOf(server.Attributes)
	for name, want := range map[string]string{
		"http.request.method": "POST", "http.route": "/ai", "http.response.status_code": "200", "url.path": chatPath,
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5", "gen_ai.response.model": "gpt-5-2026",
		"gen_ai.usage.input_tokens": "20", "gen_ai.usage.cache_read.input_tokens": "8", "gen_ai.usage.output_tokens": "5",
		"gen_ai.request.stream": "false", "gateway.end": "complete", "error.type": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if a := attributesOf(client.Attributes); a["server.address"] != "127.0.0.1" || a["server.port"] != strings.Split(provider.URL, ":")[2] {
		t.Errorf("the client span has %v", a)
	}
	collector.mu.Lock()
	defer collector.mu.Unlock()
	if collector.resource["service.name"] != "ai-gw-lite" || collector.resource["service.version"] != "1.2.3" {
		t.Errorf("the resource is %v", collector.resource)
	}
}

func TestEachAttemptHasASpanAndFailuresSayWhy(t *testing.T) {
	collector := startReceiver(t, "127.0.0.1:0")
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", withTracing(collector.addr)))
	b := beginning("BREW", chatPath, "")
	b.Trace = &gateway.Trace{ID: gateway.TraceID{1}, Span: gateway.SpanID{2}, Sampled: true}
	w := o.Begin(b)
	w.End(&gateway.Outcome{Route: "ai", Status: 502, Code: "upstream_connect_error", End: gateway.UpstreamBroken, Start: time.Now(), Attempts: []gateway.Attempt{
		{Upstream: "official", Key: "main", Result: "status_429", Status: 429, Span: gateway.SpanID{3}, Start: time.Now()},
		{Upstream: "relay", Result: "connect_error", Span: gateway.SpanID{4}, Start: time.Now()},
	}})
	first := collector.span(t, tracepb.Span_SPAN_KIND_CLIENT)
	second := collector.span(t, tracepb.Span_SPAN_KIND_CLIENT)
	server := collector.span(t, tracepb.Span_SPAN_KIND_SERVER)
	for _, c := range []struct {
		span *tracepb.Span
		id   byte
		want map[string]string
	}{
		{first, 3, map[string]string{"error.type": "429", "gateway.upstream": "official", "gateway.key": "main", "http.response.status_code": "429", "http.request.resend_count": ""}},
		{second, 4, map[string]string{"error.type": "connect_error", "gateway.upstream": "relay", "http.request.resend_count": "1"}},
		{server, 2, map[string]string{"error.type": "upstream_connect_error", "http.request.method": "_OTHER", "http.request.method_original": "BREW"}},
	} {
		got := attributesOf(c.span.Attributes)
		for name, want := range c.want {
			if got[name] != want {
				t.Errorf("span %d: %s is %q, want %q", c.id, name, got[name], want)
			}
		}
		if c.span.SpanId[0] != c.id || c.span.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
			t.Errorf("span %d is %s", c.id, c.span)
		}
	}
	if len(server.ParentSpanId) != 0 {
		t.Errorf("a trace that begins here has the parent %x", server.ParentSpanId)
	}
}

func TestWhatIsNotSampledIsNotSent(t *testing.T) {
	collector := startReceiver(t, "127.0.0.1:0")
	r := startRig(t, simulate.Options{}, withTracing(collector.addr))
	r.post(chatPath, chatPlain, "traceparent: 00-"+traceOfClient+"-"+spanOfClient+"-00")
	r.post(chatPath, chatPlain, "traceparent: 00-"+strings.Repeat("ab", 16)+"-"+spanOfClient+"-01")
	r.Close(patienceOfTests)
	if s := collector.span(t, tracepb.Span_SPAN_KIND_SERVER); hex.EncodeToString(s.TraceId) == traceOfClient {
		t.Error("an unsampled trace was sent")
	}
}

// The environment is shared with other programs, and tracing is not what a
// gateway is for.
func TestAnEnvironmentThatIsNotUnderstoodCostsNeitherTheGatewayNorASecret(t *testing.T) {
	for _, c := range []struct{ name, value, says string }{
		{"OTEL_RESOURCE_ATTRIBUTES", "deployment.environment", "OTEL_RESOURCE_ATTRIBUTES is not understood"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "authorization " + markScope, "parse headers"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "authorization=%zz" + markScope, "escape header value"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "3s", "parse duration"},
		{"OTEL_RESOURCE_ATTRIBUTES", "team=%FF", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(c.name, c.value)
			collector := startReceiver(t, "127.0.0.1:0")
			r := startRig(t, simulate.Options{}, patientTracing(collector.addr))
			r.post(chatPath, chatPlain)
			if name := collector.span(t, tracepb.Span_SPAN_KIND_SERVER).Name; name != "ai" {
				t.Errorf("the span is called %q", name)
			}
			r.Observatory.stderr.Flush(patienceOfTests)
			log := r.stderr.String()
			if c.says == "" && log != "" {
				t.Errorf("the log says %q, want nothing", log)
			}
			if c.says != "" && (strings.Count(log, "\n") != 1 || !strings.HasPrefix(log, "{") || !strings.Contains(log, c.says) || strings.Contains(log, "%zz") || strings.Contains(log, markScope)) {
				t.Errorf("the log says %q, want a line of JSON with %q and no secret", log, c.says)
			}
			collector.mu.Lock()
			defer collector.mu.Unlock()
			if collector.resource["service.name"] != "ai-gw-lite" {
				t.Errorf("the resource is %v", collector.resource)
			}
		})
	}
}

func TestADeadCollectorCostsNothingButItsSpans(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	r := startRig(t, simulate.Options{}, withTracing(dead.Addr().String()))
	for range 3 {
		if status, _ := r.post(chatPath, chatPlain); status != 200 {
			t.Fatalf("answered %d", status)
		}
	}
	before := time.Now()
	r.tracerOf(t).provider.ForceFlush(t.Context())
	if took := time.Since(before); took > 3*time.Second {
		t.Errorf("a delivery that fails takes %v", took)
	}
	r.post(chatPath, chatPlain)
	r.tracerOf(t).provider.ForceFlush(t.Context())
	r.Observatory.stderr.Flush(patienceOfTests)
	if log := r.stderr.String(); strings.Count(log, "traces cannot be delivered") != 1 {
		t.Errorf("it was told as %q", log)
	}

	revived := startReceiver(t, dead.Addr().String())
	late := time.Now().Add(3 * patienceOfTests)
	for len(revived.got) == 0 && time.Now().Before(late) {
		r.post(chatPath, chatPlain)
		r.tracerOf(t).provider.ForceFlush(t.Context())
	}
	revived.span(t, tracepb.Span_SPAN_KIND_SERVER)
	r.Observatory.stderr.Flush(patienceOfTests)
	if log := r.stderr.String(); strings.Count(log, "traces are delivered again") != 1 {
		t.Errorf("that it is over was told as %q", log)
	}
}

// OTLP's texts are UTF-8, and one that is not costs all the spans that are sent
// with it: any client could say one.
func TestBytesThatAreNoUTF8CostNoSpans(t *testing.T) {
	collector := startReceiver(t, "127.0.0.1:0")
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{\"model\":\"answered\xff\"}")
	}))
	defer provider.Close()
	r := startRig(t, simulate.Options{}, patientTracing(collector.addr), func(c *config.Config) {
		*c = *loadConfig(t, provider.URL, c.Observability)
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /path\xff HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	io.Copy(io.Discard, conn)
	r.post(chatPath, "{\"model\":\"asked\xff\"}")
	refused := attributesOf(collector.span(t, tracepb.Span_SPAN_KIND_SERVER).Attributes)
	answered := attributesOf(collector.span(t, tracepb.Span_SPAN_KIND_SERVER).Attributes)
	if refused["url.path"] != "/path\uFFFD" || answered["gen_ai.request.model"] != "asked\uFFFD" || answered["gen_ai.response.model"] != "answered\uFFFD" {
		t.Errorf("the spans have %v and %v", refused, answered)
	}
}

// Collectors take messages of 4 MiB.
func TestLongTextsCostNoSpans(t *testing.T) {
	collector := startReceiver(t, "127.0.0.1:0")
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", patientTracing(collector.addr)))
	long := strings.Repeat("x", 30<<10)
	for i := range spansTogether {
		b := beginning(long, "/"+long, "")
		b.Trace = &gateway.Trace{ID: gateway.TraceID{1}, Span: gateway.SpanID{byte(i), byte(i >> 8), 1}, Sampled: true}
		o.Begin(b).End(&gateway.Outcome{Route: "ai", Start: time.Now()})
	}
	for range spansTogether {
		if path := attributesOf(collector.span(t, tracepb.Span_SPAN_KIND_SERVER).Attributes)["url.path"]; len(path) != longestText {
			t.Fatalf("the path has %d bytes, want the first %d", len(path), longestText)
		}
	}
}

// A collector that takes its time is not away, and yet there is no place for
// what comes faster.
func TestASlowCollectorsSpansAreCountedWhenTheyAreLost(t *testing.T) {
	collector := startReceiver(t, "127.0.0.1:0")
	collector.busy.Lock()
	free := sync.OnceFunc(collector.busy.Unlock)
	defer free()
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", patientTracing(collector.addr)))
	const ended = spansWaiting + 500
	for i := range ended {
		b := beginning("POST", chatPath, "")
		b.Trace = &gateway.Trace{ID: gateway.TraceID{1}, Span: gateway.SpanID{byte(i), byte(i >> 8), 1}, Sampled: true}
		o.Begin(b).End(&gateway.Outcome{Route: "ai", Start: time.Now()})
	}
	o.Observatory.stderr.Flush(patienceOfTests)
	if log := o.stderr.String(); strings.Count(log, "traces cannot be delivered") != 1 || !strings.Contains(log, "too slow") {
		t.Errorf("it was told as %q", log)
	}
	free()
	for range spansWaiting { // all that there was room for
		collector.span(t, tracepb.Span_SPAN_KIND_SERVER)
	}
	o.tracerOf(t).provider.ForceFlush(t.Context())
	o.Observatory.stderr.Flush(patienceOfTests)
	if log := o.stderr.String(); strings.Count(log, "\n") != 2 || !strings.Contains(log, "traces are delivered again") || !strings.Contains(log, `"lost":500`) {
		t.Errorf("that it is over was told as %q", log)
	}
}

func (o *observatory) tracerOf(t testing.TB) *tracer {
	t.Helper()
	tr := o.settings.Load().tracer
	if tr == nil {
		t.Fatal("tracing is off")
	}
	return tr
}

func TestAReloadChangesTheCollectorAndKeepsAnUnchangedOne(t *testing.T) {
	one, two := startReceiver(t, "127.0.0.1:0"), startReceiver(t, "127.0.0.1:0")
	c := loadConfig(t, "http://127.0.0.1:1", withTracing(one.addr))
	o := newObservatory(t, c)
	before := o.tracerOf(t)
	c.Observability.Tracing.SampleRatio = 0.5
	if err := o.Reconfigure(c); err != nil || o.tracerOf(t) != before {
		t.Errorf("%v; the tracer was made anew", err)
	}
	trace := func() {
		b := beginning("POST", chatPath, "")
		b.Trace = &gateway.Trace{ID: gateway.TraceID{1}, Span: gateway.SpanID{2}, Sampled: true}
		o.Begin(b).End(&gateway.Outcome{Route: "ai", Start: time.Now()})
	}
	trace()
	if err := o.Reconfigure(loadConfig(t, "http://127.0.0.1:1", withTracing(two.addr))); err != nil {
		t.Fatal(err)
	}
	trace()
	one.span(t, tracepb.Span_SPAN_KIND_SERVER) // what waited is delivered
	two.span(t, tracepb.Span_SPAN_KIND_SERVER)
}

func TestProvidersAreKnownByTheirHosts(t *testing.T) {
	for host, want := range map[string]string{
		"api.openai.com": "openai", "API.Anthropic.com": "anthropic", "us-central1-aiplatform.googleapis.com": "gcp.vertex_ai",
		"mine.openai.azure.com": "azure.ai.openai", "bedrock-runtime.eu-west-1.amazonaws.com": "aws.bedrock", "notapi.openai.com": "", "127.0.0.1": "",
	} {
		if got := providerAt(host); got != want {
			t.Errorf("%s is %q, want %q", host, got, want)
		}
	}
}
