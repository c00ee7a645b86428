package main

import (
	"errors"
	"fmt"
	"time"
)

// rateWorkload sends requests at a fixed rate that everyone can bear, over 64
// connections in rotation. A request that finds none idle waits, and its wait
// counts: latency is from the moment it was due.
func rateWorkload(perSecond int) workload {
	w := workload{
		name:   fmt.Sprintf("json-%drps", perSecond),
		title:  fmt.Sprintf("JSON at %d requests/s: latency beyond that without a proxy", perSecond),
		direct: true,
		columns: []column{
			{Key: "p50", Title: "added p50 µs", Added: true},
			{Key: "p99", Title: "added p99 µs", Added: true},
			{Key: "cpu", Title: "CPU µs/request", Digits: 1},
		},
	}
	w.run = func(b *bench, t *target) (figures, error) {
		all, err := plain.open(b, t, 64)
		if err != nil {
			return nil, err
		}
		defer closeLanes(all)
		r := &rateRun{
			jsonRun: jsonRun{loop: b.loop, request: t.request("POST", "/v1/chat/completions", chatRequest, 0)},
			every:   int64(time.Second) / int64(perSecond),
		}
		for _, ln := range all {
			c := &jsonCall{run: &r.jsonRun, lane: ln}
			c.done = func() { r.free(c) }
			r.idle = append(r.idle, c)
		}
		r.tick.fire = r.due
		b.loop.set(&r.tick, now())
		defer b.loop.stop(&r.tick)
		// Twice as long as others, since few requests come in.
		u, err := b.windowOf(2*b.options.seconds, t, func() { r.latency = r.latency[:0] })
		if err != nil {
			return nil, err
		}
		if len(r.latency) == 0 {
			return nil, errors.New("no answer at all")
		}
		b.loop.stop(&r.tick)
		measured := r.latency
		if err := b.settle(&r.tally); err != nil {
			return nil, err
		}
		f := figures{"p50": measured.quantile(0.50), "p99": measured.quantile(0.99)}
		if t.proc != nil {
			f["cpu"] = u.proxy.Seconds() * 1e6 / float64(len(measured))
		}
		f["kept"] = 100 * float64(len(measured)) / (u.wall.Seconds() * float64(perSecond))
		return f.busy(u), nil
	}
	return w
}

type rateRun struct {
	jsonRun
	every   int64
	tick    timer
	idle    []*jsonCall // the longest idle first
	waiting []int64     // when requests that found no lane were due
}

// due sends the next request and arms the timer for the one after it.
func (r *rateRun) due(int64) {
	r.waiting = append(r.waiting, r.tick.when)
	r.loop.set(&r.tick, r.tick.when+r.every)
	r.dispatch()
}

func (r *rateRun) free(c *jsonCall) {
	r.idle = append(r.idle, c)
	r.dispatch()
}

func (r *rateRun) dispatch() {
	for len(r.waiting) > 0 && len(r.idle) > 0 {
		c := r.idle[0]
		r.idle = r.idle[1:]
		c.due = r.waiting[0]
		r.waiting = r.waiting[1:]
		c.sendDue()
	}
}
