package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEveryFieldOfOperationReachesTheConfig(t *testing.T) {
	c := load(t, minimal+`
reload: {watch: false}
shutdown: {drain_timeout_secs: 0, delay_secs: 1}
pid_file: run/gw.pid
errors: {format: native}
admin: {enabled: true, token: adm, path_prefix: /ops}
observability:
  request_id_header: X-Trace
  logging:
    level: warn
    format: text
    to_stdout: false
    access_log: false
    file: {enabled: true, dir: l, prefix: gw.1, rotation: hourly, max_files: 2}
  metrics: {enabled: true, path: /a/m, token: met}
  tracing: {enabled: true, sample_ratio: 1, otlp: {endpoint: "HTTPS://[::1]:4318/v1/", timeout_ms: 3}}
  server_timing: true
`)
	dir := filepath.Dir(c.Path)
	want := &Config{
		Shutdown: Shutdown{0, time.Second},
		PIDFile:  filepath.Join(dir, "run", "gw.pid"),
		Errors:   Errors{Native: true},
		Admin:    Admin{true, "adm", "/ops"},
		Observability: &Observability{
			RequestIDHeader: "x-trace",
			Logging:         Logging{"warn", "text", false, false, LogFile{true, filepath.Join(dir, "l"), "gw.1", "hourly", 2}},
			Metrics:         Metrics{true, "/a/m", "met"},
			Tracing:         Tracing{true, 1, "https://[::1]:4318/v1", 3 * time.Millisecond},
			ServerTiming:    true,
		},
	}
	got := &Config{Reload: c.Reload, Shutdown: c.Shutdown, PIDFile: c.PIDFile, Errors: c.Errors, Admin: c.Admin, Observability: c.Observability}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\nobservability got  %+v\nwant %+v", got, want, got.Observability, want.Observability)
	}
}

func TestAnEmptyObservabilitySectionMeansItsDefaults(t *testing.T) {
	c := load(t, minimal+"observability: {}\n")
	want := &Observability{
		RequestIDHeader: "x-request-id",
		Logging: Logging{"info", "json", true, true,
			LogFile{false, filepath.Join(filepath.Dir(c.Path), "logs"), "ai-gw-lite", "daily", 7}},
		Metrics: Metrics{false, "/metrics", ""},
		Tracing: Tracing{false, 0.05, "http://127.0.0.1:4317", 3 * time.Second},
	}
	if !reflect.DeepEqual(c.Observability, want) {
		t.Errorf("got  %+v\nwant %+v", c.Observability, want)
	}
}

// What is off asks for nothing and takes nothing away.
func TestDisabledEndpointsAreInNobodysWay(t *testing.T) {
	for _, text := range []string{
		`admin: {enabled: false, token: "${EMPTY}", path_prefix: /a}`,
		`admin: {token: ""}`,
		`observability: {metrics: {path: /a/b}}`,
		`observability: {metrics: {enabled: false, path: /admin}}`,
		`admin: {enabled: true, token: x, path_prefix: "/${NONE:-metrics}"}`,
		`observability: {metrics: {enabled: true, token: x, path: /admin}}`,
		"pid_file: \"\"",
	} {
		load(t, minimal+text+"\n")
	}
}

func TestAnEndpointAboveNoRouteLeavesTheOthersReachable(t *testing.T) {
	for prefix, ok := range map[string]bool{"/": true, "/ops2": true, "/op": true, "/a/ops": true, "/ops": false, "/ops/a": false, "/metrics": true} {
		text := strings.Replace(minimal, "prefix: /a", "prefix: "+prefix, 1) + "admin: {enabled: true, token: x, path_prefix: /ops}\n"
		_, err := Load(write(t, text), testEnv())
		if (err == nil) != ok {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}

func TestAPIDFileWritesOverNothingThatIsRead(t *testing.T) {
	for _, name := range []string{"config.yaml", "./x/../config.yaml", "key", "certs/own.crt"} {
		p := fail(t, strings.Replace(minimal, `"t1"`, `"${file:key}"`, 1)+"inbound_tls: {cert_path: certs/own.crt, key_path: k}\npid_file: "+name+"\n")
		if last := p[len(p)-1]; last.Field != "pid_file" || !strings.Contains(last.Message, "written over") {
			t.Errorf("%s: got %v", name, last)
		}
	}
}
