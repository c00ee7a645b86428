package observe

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/gateway"
)

const deployed = "../../deploy"

// tool finds a program of the package prometheus, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("NOT TESTED: %s is not installed (apt-get install prometheus)", name)
	}
	return path
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestAlertsDoWhatTheySay(t *testing.T) {
	promtool := tool(t, "promtool")
	run(t, promtool, "check", "rules", filepath.Join(deployed, "prometheus", "rules.yml"))
	run(t, promtool, "test", "rules", filepath.Join(deployed, "prometheus", "rules_test.yml"))
	run(t, promtool, "check", "config", "--syntax-only", filepath.Join(deployed, "prometheus", "prometheus.yml"))
}

// names are the metrics that a text mentions, those of histograms without
// their suffix.
func names(text string) map[string]bool {
	all := make(map[string]bool)
	for _, name := range regexp.MustCompile(`\b(gateway|go|process)_[a-z_]+`).FindAllString(text, -1) {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		all[name] = true
	}
	return all
}

// drawn are the dashboard's queries.
func drawn(t *testing.T) (exprs []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployed, "grafana", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			exprs = append(exprs, target.Expr)
		}
	}
	return exprs
}

func TestEveryPanelAsksWhatPrometheusUnderstands(t *testing.T) {
	promtool := tool(t, "promtool")
	var rules strings.Builder
	rules.WriteString("groups:\n- name: drawn\n  rules:\n")
	for i, expr := range drawn(t) {
		expr = strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*", "$route", ".*").Replace(expr)
		fmt.Fprintf(&rules, "  - {record: 'r%d', expr: '%s'}\n", i, expr)
	}
	file := filepath.Join(t.TempDir(), "drawn.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, promtool, "check", "rules", file)
}

func TestWhatIsDrawnAndAlertedUponExists(t *testing.T) {
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", withMetrics()))
	o.ReadCooldowns(func(f func(route, upstream, key string, left time.Duration)) { f("ai", "sim", "", 0) })
	out := &gateway.Outcome{Route: "ai", Status: 200, End: gateway.Complete, Start: time.Now(), Attempts: []gateway.Attempt{{Upstream: "sim", Result: "ok"}}}
	drive(o, beginning("POST", chatPath, "application/json"), chatPlain, answerHead(200, "text/event-stream"), `data: {"usage":{"completion_tokens":1}}`+"\n\n", out)
	var exposed strings.Builder
	for name := range o.scrape(t) {
		exposed.WriteString(name + "\n")
	}
	exist := names(exposed.String())
	rules, err := os.ReadFile(filepath.Join(deployed, "prometheus", "rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	used := names(strings.Join(drawn(t), "\n") + string(rules))
	if len(used) < 15 {
		t.Fatalf("only %v are used", used)
	}
	for name := range used {
		if !exist[name] && (runtime.GOOS == "linux" || !strings.HasPrefix(name, "process_")) {
			t.Errorf("%s is drawn or alerted upon, and is no metric", name)
		}
	}
	for name := range exist {
		if strings.HasPrefix(name, "gateway_") && !used[name] && name != "gateway_build_info" && !strings.HasSuffix(name, "_timestamp_seconds") {
			t.Errorf("%s is neither drawn nor alerted upon", name)
		}
	}
}

func TestARealPrometheusReadsTheMetrics(t *testing.T) {
	prometheus := tool(t, "prometheus")
	o := newObservatory(t, loadConfig(t, "http://127.0.0.1:1", withMetrics()))
	ask(o, "POST", `m \" \\ é`, 200)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" || r.Header.Get("Authorization") != "Bearer "+markScope {
			w.WriteHeader(401)
			return
		}
		zip := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
		if w.Header().Set("Content-Type", MetricsType); zip {
			w.Header().Set("Content-Encoding", "gzip")
		}
		o.MetricsText(w, zip)
	}))
	defer target.Close()

	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(deployed, "prometheus", "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs(filepath.Join(deployed, "prometheus", "rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("15s", "1s", "127.0.0.1:8080", target.Listener.Addr().String(), "rules.yml", rules).Replace(string(text))
	for file, content := range map[string]string{"prometheus.yml": conf, "metrics-token": markScope} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := freeAddress(t)
	var log buffer
	cmd := exec.Command(prometheus, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", at)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()

	for query, want := range map[string]string{
		`up{job="ai-gw-lite"}`:                                          "1",
		`gateway_build_info{version="1.2.3"}`:                           "1",
		`gateway_tokens_total{kind="output",model="m \" \\ é"}`:         "1",
		`gateway_requests_total{route="ai",status="200"}`:               "1",
		`gateway_request_duration_seconds_bucket{route="ai",le="1800"}`: "1",
		`count(ALERTS{alertname="GatewayDown"}) or vector(0)`:           "0",
	} {
		if got := await(t, "http://"+at+"/api/v1/query?query="+url.QueryEscape(query), `"value":\[[^,]+,"([^"]*)"`); got != want {
			t.Errorf("%s is %q, want %q\n%s", query, got, want, log.String())
		}
	}
}

// await asks Prometheus until its answer has what is looked for.
func await(t *testing.T, at, pattern string) string {
	t.Helper()
	var last string
	for end := time.Now().Add(2 * patienceOfTests); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		res, err := http.Get(at)
		if err != nil {
			last = err.Error()
			continue
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if m := regexp.MustCompile(pattern).FindSubmatch(b); m != nil {
			return string(m[1])
		}
		last = string(b)
	}
	return fmt.Sprintf("not there: %s", last)
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
