package main

import (
	"fmt"
	"time"
)

// goneWorkload hangs up on the proxy, 20 times in the middle of a silent
// stream and 20 times before any answer, and takes the time until the upstream
// sees its connection closed: until then a model goes on generating, for money.
func goneWorkload() workload {
	w := workload{
		name: "gone", title: "client gone: until the upstream's connection is closed",
		columns: []column{
			{Key: "stream50", Title: "streaming p50 µs"},
			{Key: "streamMax", Title: "streaming max µs"},
			{Key: "wait50", Title: "waiting p50 µs"},
			{Key: "waitMax", Title: "waiting max µs"},
		},
	}
	w.run = func(b *bench, t *target) (figures, error) {
		streaming, err := hangUps(b, t, "/v1/hold")
		if err != nil {
			return nil, err
		}
		waiting, err := hangUps(b, t, "/v1/silent")
		if err != nil {
			return nil, err
		}
		return figures{
			"stream50": streaming.quantile(0.5), "streamMax": streaming.quantile(1),
			"wait50": waiting.quantile(0.5), "waitMax": waiting.quantile(1),
		}, nil
	}
	return w
}

func hangUps(b *bench, t *target, path string) (samples, error) {
	var times samples
	r := t.request("GET", path, nil, 0)
	closed := false
	b.upstream.closed = func(waiting bool) { closed = closed || waiting }
	defer func() { b.upstream.closed = nil }()
	for range 20 {
		h := &holdRun{loop: b.loop}
		ln, err := dialLane(b.loop, t, sourceAddr(0))
		if err != nil {
			return nil, err
		}
		b.upstream.silent = 0
		ln.send(r, &holdCall{run: h})
		err = b.loop.runUntil(func() bool { return h.opened > 0 || b.upstream.silent > 0 }, within)
		if err == nil {
			err = b.loop.runFor(20 * time.Millisecond) // let the proxy come to rest
		}
		closed = false
		gone := now()
		ln.hangUp()
		if err != nil {
			return nil, err
		}
		if err := b.loop.runUntil(func() bool { return closed }, within); err != nil {
			return nil, fmt.Errorf("the upstream's connection stays open, %s: %w", path, err)
		}
		times.add(now() - gone)
	}
	return times, nil
}
