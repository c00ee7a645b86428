package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// troubled has a failure of level error, a rest of level warn, and both ends.
const troubled = `
observability: {logging: %s}
routes:
  - id: api
    prefix: /api
    upstreams:
      - {id: main, base_url: %[2]q}
      - {id: spare, priority: 1, base_url: %[2]q}
    retry: {max_attempts: 1}
    cooldown: {connect_error: 1, max_secs: 1}
`

func TestLevelHoldsForTheProgramsMessagesAlone(t *testing.T) {
	for _, row := range []struct {
		level         string
		begins, fails bool
	}{
		{"debug", true, true}, {"info", true, true}, {"warn", true, true}, {"error", false, true},
	} {
		t.Run(row.level, func(t *testing.T) {
			over(t, anyWouldDo, func(t *testing.T, via transport) {
				g := run(t, via, troubled, "{format: json, level: "+row.level+"}", closedPort(t))
				g.get("/api").refusal(t, 502, "upstream_connect_error")
				if l := g.line(); l.Status != 502 { // whatever the level
					t.Errorf("the access log has %+v", l)
				}
				g.said("request failed", `"level":"ERROR"`)
				if g.hasSaid("cooldown begins", `"for":"1s"`) != row.begins {
					t.Errorf("at level %s:\n%s", row.level, g.stderr)
				}
			})
		})
	}
}

func TestFormatHoldsForMessagesAndExchanges(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			over(t, anyWouldDo, func(t *testing.T, via transport) {
				g := run(t, via, troubled, "{format: "+format+"}", closedPort(t))
				g.get("/api")
				g.said("request failed")
				within(patienceOfTests, func() bool { return g.stdout.String() != "" })
				for _, out := range []string{g.stderr.String(), g.stdout.String()} {
					first, _, _ := strings.Cut(out, "\n")
					if isJSON := json.Valid([]byte(first)); isJSON != (format == "json") || !strings.Contains(first, "upstream_connect_error") && !strings.Contains(first, "cooldown") {
						t.Errorf("a line is %s", first)
					}
				}
			})
		})
	}
}

func TestExchangesAreLoggedWhereTheyAreAskedFor(t *testing.T) {
	for _, row := range []struct {
		name, logging  string
		stdout, inFile bool
	}{
		{"stdout by default", "{format: json}", true, false},
		{"a file alone", "{format: json, to_stdout: false, file: {enabled: true, dir: ops/logs, prefix: gw, rotation: never}}", false, true},
		{"both", "{format: json, file: {enabled: true, dir: ops/logs, prefix: gw, rotation: never}}", true, true},
		{"nowhere", "{format: json, access_log: false, file: {enabled: true, dir: ops/logs, prefix: gw, rotation: never}}", false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, anyWouldDo, func(t *testing.T, via transport) {
				g := run(t, via, "observability: {logging: %s}\nroutes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", row.logging, closedPort(t))
				g.get("/api", "X-Request-Id: find-me")
				g.outcome()
				g.watched.Close(patienceOfTests) // writes out what waits
				// relative to the folder of the configuration
				b, _ := os.ReadFile(filepath.Join(filepath.Dir(g.service.Config().Path), "ops", "logs", "gw.log"))
				const exchange = `"client":"127.0.0.1"`
				if got := strings.Contains(g.stdout.String(), exchange); got != row.stdout {
					t.Errorf("on stdout: %q", g.stdout)
				}
				if got := strings.Contains(string(b), exchange); got != row.inFile {
					t.Errorf("in the file: %q", b)
				}
				if isOn := strings.Contains(row.logging, "file:"); isOn != strings.Contains(string(b), "request failed") {
					t.Errorf("the program's messages in the file: %q", b)
				}
				g.said("request failed", "find-me") // always
			})
		})
	}
}

// A collector that takes connections and never answers costs no request a
// moment, and is told of.
func TestCollectorThatIsSilentDelaysNobody(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		g := run(t, via, `
observability: {logging: {format: json}, tracing: {enabled: true, sample_ratio: 1, otlp: {endpoint: "http://%s", timeout_ms: 100}}}
routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]
`, silent(t), answering(t, okAnswer).base())
		for range 3 {
			g.get("/api").ok(t)
		}
		g.said("traces cannot be delivered: their spans are lost", `"level":"WARN"`)
		g.get("/api").ok(t)
	})
}
