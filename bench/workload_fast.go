package main

import (
	"errors"
	"fmt"
)

// fastWorkload lets the upstream write events as fast as the proxy takes them,
// one write each.
func fastWorkload(n int) workload {
	w := workload{
		name:   "sse-fast",
		title:  fmt.Sprintf("SSE, %d streams, as fast as it goes", n),
		direct: true,
		columns: []column{
			{Key: "cpu", Title: "CPU µs/event", Digits: 2},
			{Key: "rate", Title: "events/s"},
			{Key: "delay50", Title: "event delay p50 µs"},
			{Key: "delay99", Title: "event delay p99 µs"},
		},
	}
	w.run = func(b *bench, t *target) (figures, error) {
		all, err := plain.open(b, t, n)
		if err != nil {
			return nil, err
		}
		defer closeLanes(all)
		r := &sseRun{loop: b.loop, events: fastEvents, request: t.request("POST", streamTarget(fastEvents, 0, false), chatRequest, 0)}
		defer r.stop()
		for _, ln := range all {
			r.start(ln, now())
		}
		u, err := b.window(t, r.begin)
		if err != nil {
			return nil, err
		}
		if len(r.delay) == 0 {
			return nil, errors.New("no event at all")
		}
		f := r.figures(t, u).busy(u)
		return f, b.settle(&r.tally)
	}
	return w
}
