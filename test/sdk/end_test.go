package sdk

import (
	"context"
	"strings"
	"testing"

	"ai-gw-lite/internal/simulate"
)

// The access log tells how a stream came to its end, whatever its client made of
// that, and what had been said of usage until then.
func TestAccessLogTellsHowStreamsEnd(t *testing.T) {
	if binary == "" {
		t.Skip("there is no gateway to tell anything")
	}
	_, w, g := connectWith(t, simulate.Options{}, extra{top: accessLog})
	for fault, end := range map[simulate.Fault]string{
		simulate.NoFault:    "complete",
		simulate.ErrorEvent: "complete", // with an error, as the format has it
		simulate.Stall:      "client_gone",
		simulate.Truncate:   "upstream_broken",
		simulate.Reset:      "upstream_broken",
		simulate.EndEarly:   "truncated",
	} {
		for _, encoding := range []string{"", "gzip"} {
			for _, s := range sdks {
				t.Run(strings.Join([]string{s.name, string(fault), encoding}, " "), func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					h := headers{"x-sim-fault": string(fault), "x-sim-encoding": encoding, "x-sim-after": "5"}
					events := 0
					for range s.stream(ctx, w, h) {
						if events++; events == 2 && fault == simulate.Stall {
							break // and the client goes
						}
					}
					cancel()
					l := g.line(t)
					if l.Route != s.name || l.Status != 200 || l.End != end {
						t.Errorf("the line is %+v", l)
					}
					// OpenAI's says usage in its last event alone, the others from the first on.
					want := fault == simulate.NoFault || s.name != "openai"
					if n, known := l.figures(t)["input_uncached"]; known != want || known && n == 0 {
						t.Errorf("the usage is %v", l.Usage)
					}
				})
			}
		}
	}
}
