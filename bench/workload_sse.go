package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

const (
	pace          = 5 * time.Millisecond
	pacedEvents   = 200  // a stream of 1 s, then the next request
	fastEvents    = 2000 // the same for streams as fast as they go
	beyondNoProxy = " beyond that without a proxy"
)

// timing says how the events of different streams lie to each other. It
// decides what an event costs: spread out, almost every one wakes the proxy
// up, as independent models do; in step, one wake-up serves them all.
type timing bool

const (
	spreadOut timing = false
	inStep    timing = true
)

// sseWorkload keeps n streams going, an event every 5 ms on each. They begin
// spread over a second.
func sseWorkload(name, title string, n int, p protocol, how timing) workload {
	added := p == plain // TLS has no direct row to compare with
	w := workload{
		name: name, title: title, tls: p != plain, direct: added,
		columns: []column{
			{Key: "cpu", Title: "CPU µs/event", Digits: 1},
			{Key: "ttfb50", Title: "first byte p50 µs", Added: added},
			{Key: "ttfb99", Title: "first byte p99 µs", Added: added},
			{Key: "delay50", Title: "event delay p50 µs", Added: added},
			{Key: "delay99", Title: "event delay p99 µs", Added: added},
			{Key: "gap50", Title: "gap p50 µs", Added: added},
			{Key: "gap99", Title: "gap p99 µs", Added: added},
		},
	}
	if added {
		w.title += "; latencies" + beyondNoProxy
		for i := range w.columns[1:] {
			w.columns[i+1].Title = "added " + w.columns[i+1].Title
		}
	}
	w.run = func(b *bench, t *target) (figures, error) {
		all, err := p.open(b, t, n)
		if err != nil {
			return nil, err
		}
		defer closeLanes(all)
		r := &sseRun{loop: b.loop, events: pacedEvents, request: t.request("POST", streamTarget(pacedEvents, pace, how == inStep), chatRequest, 0)}
		defer r.stop()
		for i, ln := range all {
			r.start(ln, now()+int64(time.Second)*int64(i)/int64(n))
		}
		if err := b.loop.runFor(time.Second); err != nil { // until all have begun
			return nil, err
		}
		u, err := b.window(t, r.begin)
		if err != nil {
			return nil, err
		}
		if len(r.delay) == 0 {
			return nil, errors.New("no event at all")
		}
		f := r.figures(t, u).busy(u)
		if err := b.settle(&r.tally); err != nil {
			return nil, err
		}
		f["kept"] = 100 * f["rate"] / (float64(n) * float64(time.Second/pace))
		return f, nil
	}
	return w
}

// sseRun collects what all streams of a measurement show.
type sseRun struct {
	tally
	loop             *loop
	request          *request
	events           int // of one stream
	calls            []*sseCall
	delay, gap, ttfb samples
}

// start begins a stream on ln at a given time, and another whenever it ends.
func (r *sseRun) start(ln lane, at int64) {
	c := &sseCall{run: r, lane: ln}
	c.later.fire = func(int64) { c.send() }
	r.calls = append(r.calls, c)
	r.loop.set(&c.later, at)
}

func (r *sseRun) stop() {
	for _, c := range r.calls {
		r.loop.stop(&c.later)
	}
}

func (r *sseRun) begin() { r.delay, r.gap, r.ttfb = r.delay[:0], r.gap[:0], r.ttfb[:0] }

func (r *sseRun) figures(t *target, u usage) figures {
	f := figures{
		"rate":    float64(len(r.delay)) / u.wall.Seconds(),
		"delay50": r.delay.quantile(0.50), "delay99": r.delay.quantile(0.99),
		"gap50": r.gap.quantile(0.50), "gap99": r.gap.quantile(0.99),
		"ttfb50": r.ttfb.quantile(0.50), "ttfb99": r.ttfb.quantile(0.99),
	}
	if t.proc != nil {
		f["cpu"] = u.proxy.Seconds() * 1e6 / float64(len(r.delay))
	}
	return f
}

// sseCall is one lane's stream. It checks that every event comes, unaltered
// and in order.
type sseCall struct {
	run   *sseRun
	lane  lane
	later timer
	sent  int64
	last  int64 // arrival of the last event; 0 before the first
	seq   int
	part  []byte // of an event that has not come completely, or of the stream's end
}

func (c *sseCall) send() {
	if c.run.closing {
		return
	}
	c.run.sent++
	c.seq, c.last, c.part = 0, 0, c.part[:0]
	c.sent = now()
	c.lane.send(c.run.request, c)
}

func (c *sseCall) data(p []byte, t int64) {
	if c.seq == 0 && len(c.part) == 0 {
		c.run.ttfb.add(t - c.sent)
	}
	for len(p) > 0 && c.seq < c.run.events {
		if len(c.part) == 0 && len(p) >= len(event) {
			c.event(p[:len(event)], t)
			p = p[len(event):]
			continue
		}
		n := min(len(event)-len(c.part), len(p))
		c.part = append(c.part, p[:n]...)
		p = p[n:]
		if len(c.part) == len(event) {
			c.event(c.part, t)
			c.part = c.part[:0]
		}
	}
	c.part = append(c.part, p...)
}

func (c *sseCall) event(e []byte, t int64) {
	written, err := readEvent(e, c.seq)
	if err != nil {
		c.run.loop.fail(err)
		return
	}
	c.seq++
	c.run.delay.add(t - written)
	if c.last > 0 {
		c.run.gap.add(t - c.last)
	}
	c.last = t
}

func (c *sseCall) end(int64) {
	switch {
	case c.seq != c.run.events:
		c.run.loop.fail(fmt.Errorf("stream ended after %d events of %d", c.seq, c.run.events))
		return
	case !bytes.Equal(c.part, streamTail):
		c.run.loop.fail(fmt.Errorf("stream ended with %q", c.part))
		return
	}
	c.run.answered++
	c.send()
}
