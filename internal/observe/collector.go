package observe

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// collector tells once when spans begin to be lost, and when that is over. The
// library's own way is a handler for the whole process, and silence about what
// its queue has no room for: so nothing is given to it that would not fit.
type collector struct {
	sdktrace.SpanExporter
	log      *slog.Logger
	endpoint string
	waiting  atomic.Int64 // spans given to the library and not yet delivered
	lost     atomic.Int64
}

var errTooSlow = fmt.Errorf("it is too slow: more than %d spans wait for it", spansWaiting)

// takes reports that there is room for n spans. Else they are lost.
func (c *collector) takes(n int) bool {
	if c.waiting.Add(int64(n)) <= spansWaiting {
		return true
	}
	c.waiting.Add(-int64(n))
	c.lose(n, errTooSlow)
	return false
}

func (c *collector) lose(n int, why error) {
	if c.lost.Add(int64(n)) == int64(n) {
		c.log.Warn("traces cannot be delivered: their spans are lost", "endpoint", c.endpoint, "error", why)
	}
}

func (c *collector) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	waiting := c.waiting.Add(-int64(len(spans)))
	if err != nil {
		c.lose(len(spans), err)
		return nil
	}
	if waiting > spansTogether { // it may still be too slow
		return nil
	}
	if lost := c.lost.Swap(0); lost > 0 {
		c.log.Info("traces are delivered again", "endpoint", c.endpoint, "lost", lost)
	}
	return nil
}
