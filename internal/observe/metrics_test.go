package observe

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/simulate"
	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

func withMetrics() *config.Observability {
	on := asked()
	on.Metrics = config.Metrics{Enabled: true, Path: "/metrics", Token: markScope}
	return on
}

// scrape is what Prometheus would read: each sample by its name and labels, as
// they are written.
func (o *observatory) scrape(t testing.TB) map[string]string {
	t.Helper()
	var text bytes.Buffer
	if err := o.MetricsText(&text, false); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(bytes.NewReader(text.Bytes())); err != nil {
		t.Fatalf("the exposition does not parse: %v", err)
	}
	samples := make(map[string]string)
	for line := range strings.Lines(text.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			i := strings.LastIndex(line, "} ")
			if i >= 0 {
				name, value = line[:i+1], strings.TrimSpace(line[i+2:])
			}
			samples[name] = value
		}
	}
	return samples
}

func expect(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func TestRequestsAreCountedWhenTheyEnd(t *testing.T) {
	gate := make(chan struct{})
	r := startRig(t, simulate.Options{Gate: gate}, withMetrics())
	res := r.open(chatPath, chatSSE)
	expect(t, r.scrape(t), map[string]string{
		`gateway_inflight_requests{route="ai"}`:                                 "1",
		`gateway_streams_inflight{route="ai"}`:                                  "1",
		`gateway_requests_total{code="",method="POST",route="ai",status="200"}`: "",
		`gateway_request_duration_seconds_count{route="ai"}`:                    "0",
		`gateway_limit_rejections_total{kind="rate",route="ai"}`:                "0",
		`gateway_config_last_reload_successful`:                                 "1",
		`gateway_log_lines_dropped_total`:                                       "0",
		`gateway_request_duration_seconds_bucket{route="ai",le="1800"}`:         "0",
		`gateway_overhead_seconds_bucket{route="ai",le="1e-05"}`:                "0",
	})
	close(gate)
	answer, _ := io.ReadAll(res.Body)
	out := r.outcome()
	r.post("/nowhere", "")
	r.post(chatPath+"?sim_status=429", chatPlain)
	got := r.scrape(t)
	upstream := r.provider.URL()
	expect(t, got, map[string]string{
		`gateway_inflight_requests{route="ai"}`:                                                              "0",
		`gateway_streams_inflight{route="ai"}`:                                                               "0",
		`gateway_requests_total{code="",method="POST",route="ai",status="200"}`:                              "1",
		`gateway_requests_total{code="",method="POST",route="ai",status="429"}`:                              "1",
		`gateway_requests_total{code="route_not_found",method="POST",route="",status="404"}`:                 "1",
		`gateway_request_duration_seconds_count{route="ai"}`:                                                 "2",
		`gateway_time_to_first_byte_seconds_count{route="ai"}`:                                               "2",
		`gateway_overhead_seconds_count{route="ai"}`:                                                         "2",
		`gateway_streams_total{end="complete",route="ai"}`:                                                   "1",
		`gateway_upstream_attempts_total{key="",result="ok",route="ai",upstream="` + upstream + `"}`:         "1",
		`gateway_upstream_attempts_total{key="",result="status_429",route="ai",upstream="` + upstream + `"}`: "1",
		`gateway_bytes_total{direction="in",route="ai"}`:                                                     fmt.Sprint(len(chatSSE) + len(chatPlain)),
		`gateway_tokens_total{kind="cache_read",model="gpt-5",route="ai"}`:                                   "4",
		`gateway_tokens_total{kind="output",model="gpt-5",route="ai"}`:                                       fmt.Sprint(simulate.DefaultTokens + simulate.DefaultTokens/4),
		`gateway_tokens_total{kind="reasoning",model="gpt-5",route="ai"}`:                                    fmt.Sprint(simulate.DefaultTokens / 4),
		`gateway_tokens_total{kind="total",model="gpt-5",route="ai"}`:                                        "",
		`gateway_build_info{goversion="` + goVersionIn(got) + `",version="1.2.3"}`:                           "1",
		`gateway_request_duration_seconds_bucket{route="ai",le="+Inf"}`:                                      "2",
	})
	if out.BytesOut != int64(len(answer)) {
		t.Errorf("%d bytes out, want %d", out.BytesOut, len(answer))
	}
	for _, some := range []string{"go_goroutines", "process_start_time_seconds"} {
		if got[some] == "" {
			t.Errorf("there is no %s", some)
		}
	}
}

func goVersionIn(samples map[string]string) string {
	for name := range samples {
		if rest, ok := strings.CutPrefix(name, `gateway_build_info{goversion="`); ok {
			version, _, _ := strings.Cut(rest, `"`)
			return version
		}
	}
	return ""
}

func TestLimitsAreCountedByTheirKind(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", withMetrics()))
	for code, status := range map[string]int{"rate_limited": 429, "downstream_concurrency_exceeded": 503, "upstream_concurrency_exceeded": 503, "unauthorized": 401} {
		out := &gateway.Outcome{Route: "ai", Status: status, Code: code, End: gateway.Refused, Start: time.Now()}
		drive(o, beginning("POST", chatPath, ""), "", nil, "", out)
	}
	expect(t, o.scrape(t), map[string]string{
		`gateway_limit_rejections_total{kind="rate",route="ai"}`:       "1",
		`gateway_limit_rejections_total{kind="downstream",route="ai"}`: "1",
		`gateway_limit_rejections_total{kind="upstream",route="ai"}`:   "1",
		`gateway_time_to_first_byte_seconds_count{route="ai"}`:         "0",
	})
}

// ask is an exchange about a model; usage comes with the answer.
func ask(o *observatory, method, model string, status int) {
	answer := `{"model":"gpt-5","usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	out := &gateway.Outcome{Route: "ai", Status: status, End: gateway.Complete, Start: time.Now()}
	drive(o, beginning(method, chatPath, "application/json"), `{"model":"`+model+`"}`, answerHead(status, "application/json"), answer, out)
}

func TestLabelsAreBounded(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", withMetrics()))
	for i := range 1000 {
		ask(o, "POST", fmt.Sprintf("unconfirmed-%d", i), 404)
	}
	ask(o, "POST", strings.Repeat("m", longestModel+1), 200)
	ask(o, "POST", strings.Repeat("m", 1000), 200)
	ask(o, "POST", strings.Repeat("m", longestModel), 200)
	for _, model := range []string{`\u001b[2J`, `two\nlines`, `\u202egnp`} {
		ask(o, "POST", model, 200)
	}
	for i := range 300 {
		ask(o, fmt.Sprintf("METHOD%d", i), fmt.Sprintf("model-%d", i), 200)
	}
	ask(o, "PATCH", "model-0", 200)
	got := o.scrape(t)
	for name := range got {
		if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q would command a terminal", name)
		}
	}
	expect(t, got, map[string]string{
		`gateway_tokens_total{kind="output",model="other",route="ai"}`:                                     "106",
		`gateway_tokens_total{kind="output",model="model-0",route="ai"}`:                                   "2",
		`gateway_tokens_total{kind="output",model="model-198",route="ai"}`:                                 "1",
		`gateway_tokens_total{kind="output",model="model-199",route="ai"}`:                                 "",
		`gateway_tokens_total{kind="output",model="` + strings.Repeat("m", longestModel) + `",route="ai"}`: "1",
		`gateway_requests_total{code="",method="other",route="ai",status="200"}`:                           "301",
		`gateway_tokens_total{kind="reasoning",model="other",route="ai"}`:                                  "", // unknown is not 0
		`gateway_requests_total{code="",method="POST",route="ai",status="404"}`:                            "1000",
	})
	models := 0
	for name := range got {
		if strings.HasPrefix(name, `gateway_tokens_total{kind="output"`) {
			models++
		}
	}
	if models != mostModels+1 {
		t.Errorf("there are %d models, want %d and one for the others", models, mostModels)
	}
}

func TestCooldownsAreReadWhenAskedFor(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", withMetrics()))
	left := time.Minute
	o.ReadCooldowns(func(f func(route, upstream, key string, left time.Duration)) {
		f("ai", "official", "main", left)
		f("ai", "official", "spare", 0)
	})
	expect(t, o.scrape(t), map[string]string{
		`gateway_key_cooldown{key="main",route="ai",upstream="official"}`:  "1",
		`gateway_key_cooldown{key="spare",route="ai",upstream="official"}`: "0",
	})
	left = 0
	expect(t, o.scrape(t), map[string]string{`gateway_key_cooldown{key="main",route="ai",upstream="official"}`: "0"})
}

func TestCountersGoOnOverAReload(t *testing.T) {
	c := loadConfig(t, "http://127.0.0.1:1", withMetrics())
	o := newObservatory(t, c)
	ask(o, "POST", "m", 200)
	in := o.Begin(beginning("POST", chatPath, "")) // begins before, ends after
	changed := loadConfig(t, "http://127.0.0.1:1", withMetrics())
	changed.Routes[0].ID = "renamed"
	if err := o.Reconfigure(changed); err != nil {
		t.Fatal(err)
	}
	o.Reloaded(true)
	before := o.scrape(t)[`gateway_config_last_reload_success_timestamp_seconds`]
	o.Reloaded(false)
	in.End(&gateway.Outcome{Route: "ai", Status: 200, End: gateway.Complete, Start: time.Now()})
	expect(t, o.scrape(t), map[string]string{
		`gateway_requests_total{code="",method="POST",route="ai",status="200"}`: "2",
		`gateway_inflight_requests{route="ai"}`:                                 "0",
		`gateway_inflight_requests{route="renamed"}`:                            "0",
		`gateway_config_last_reload_successful`:                                 "0",
		`gateway_config_last_reload_success_timestamp_seconds`:                  before,
	})
}

func TestMetricsMayBeCompressed(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", withMetrics()))
	var zipped bytes.Buffer
	if err := o.MetricsText(&zipped, true); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&zipped)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || !strings.Contains(string(text), "gateway_build_info{") {
		t.Errorf("got %d bytes, %v", len(text), err)
	}
	if want := "text/plain; version=0.0.4; charset=utf-8"; MetricsType != want {
		t.Errorf("the type is %q, want %q", MetricsType, want)
	}
}

// What clients send must never make a metric invalid: the library panics.
func TestHostileLabelsDoNoHarm(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", withMetrics()))
	for _, model := range []string{"\xff", `a\"b`, `\n`, `\u0000`, "é"} {
		ask(o, "GET", model, 200)
	}
	b := beginning("\xff", "/\xff", "")
	b.Head.Fields = []wire.Field{field("Content-Type", "\xff")}
	drive(o, b, "\xff", answerHead(200, "\xff"), "\xff", &gateway.Outcome{Route: "ai", Status: 200, Start: time.Now()})
	o.scrape(t)
	o.accessLines(t)
}

func TestCountingNeedsNoMemoryOnceItsLikeWasSeen(t *testing.T) {
	m := newMetrics("", func() int64 { return 0 })
	rec := sampleRecord()
	rec.head, rec.stream = true, true
	rec.usage = usage.Usage{Output: usage.Known(3), CacheRead: usage.Known(4)}
	if n := testing.AllocsPerRun(100, func() { m.route("ai").count(rec) }); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}
