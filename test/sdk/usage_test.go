package sdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"ai-gw-lite/internal/simulate"
)

const observed = `
observability:
  logging: {to_stdout: true, access_log: true}
  metrics: {enabled: true, token: %q}
  tracing: {enabled: true, sample_ratio: 1, otlp: {endpoint: "http://%s"}}
`

// What a client says that an answer cost is what the access log, the metrics and
// the span say. Each question asks for a model of its own, by which its metrics
// are found.
func TestOperatorsSeeTheUsageThatClientsSee(t *testing.T) {
	if binary == "" {
		t.Skip("there is no gateway to see anything")
	}
	traces := startCollector(t)
	_, w, g := connectWith(t, simulate.Options{}, extra{top: fmt.Sprintf(observed, metricsToken, traces.addr)})

	type asked struct {
		endpoint
		model string
		told  told
		line  line
	}
	var all []asked
	for _, e := range endpoints {
		for _, encoding := range []string{"", "gzip"} {
			model := strings.TrimSuffix(e.name+"-"+encoding, "-")
			got, err := e.ask(t.Context(), w, headers{"x-sim-encoding": encoding}, model)
			if err != nil {
				t.Fatalf("%s: %v", model, err)
			}
			all = append(all, asked{e, model, got, g.line(t)})
		}
	}
	spans := traces.exchanges(t, len(all)) // made last, so the metrics are there
	tokens := g.tokens(t)

	for _, a := range all {
		t.Run(a.model, func(t *testing.T) {
			if a.told.figures["input_uncached"] == 0 || a.told.figures["total"] == 0 {
				t.Fatalf("the client says %v", a.told.figures)
			}
			if l := a.line; l.Route != a.route || l.Model != a.model || l.End != "complete" {
				t.Errorf("the line is %+v", l)
			}
			if got := a.line.figures(t); !maps.Equal(got, a.told.figures) {
				t.Errorf("the line says %v, the client %v", got, a.told.figures)
			}
			if a.line.Usage["raw"] == nil {
				t.Errorf("the line has no usage of the provider's own: %v", a.line.Usage)
			}
			if a.told.raw != "" && !sameJSON(t, a.told.raw, a.line.Usage["raw"]) {
				t.Errorf("the provider's usage is %v, to the client %s", a.line.Usage["raw"], a.told.raw)
			}
			counted := maps.Clone(a.told.figures)
			delete(counted, "total") // the sum of what is counted
			if got := tokens[tokensOf{a.route, a.model}]; !maps.Equal(got, counted) {
				t.Errorf("the metrics say %v, the client %v", got, counted)
			}
			a.told.isIn(t, spans[a.line.RequestID])
			if s := spans[a.line.RequestID]; s.texts["gen_ai.operation.name"] != a.operation || s.texts["gen_ai.request.model"] != a.model {
				t.Errorf("the span says %v", s.texts)
			}
		})
	}
}

// figures are the line's, without what is unknown.
func (l line) figures(t *testing.T) figures {
	t.Helper()
	known := make(figures)
	for name, v := range l.Usage {
		switch n, isNumber := v.(float64); {
		case isNumber:
			known[name] = int64(n)
		case v != nil && name != "raw":
			t.Errorf("%s is %v", name, v)
		}
	}
	return known
}

// isIn checks a span, whose input is the whole of it.
func (f figures) isIn(t *testing.T, s span) {
	t.Helper()
	want := figures{"gen_ai.usage.input_tokens": f["input_uncached"] + f["cache_read"] + f["cache_write"]}
	for name, attribute := range map[string]string{
		"cache_read":  "gen_ai.usage.cache_read.input_tokens",
		"cache_write": "gen_ai.usage.cache_creation.input_tokens",
		"output":      "gen_ai.usage.output_tokens",
		"reasoning":   "gen_ai.usage.reasoning.output_tokens",
	} {
		if n, known := f[name]; known {
			want[attribute] = n
		}
	}
	got := maps.Clone(s.numbers)
	maps.DeleteFunc(got, func(name string, _ int64) bool { return !strings.HasPrefix(name, "gen_ai.usage.") })
	if !maps.Equal(figures(got), want) {
		t.Errorf("the span says %v, the client %v", got, want)
	}
}

func sameJSON(t *testing.T, text string, v any) bool {
	t.Helper()
	var w any
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(v, w)
}
