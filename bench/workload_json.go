package main

import (
	"bytes"
	"errors"
)

// jsonWorkload sends a chat completion request on every lane as soon as the
// last answer is there.
func jsonWorkload(name, title string, n int, p protocol) workload {
	w := workload{
		name: name, title: title, tls: p != plain, direct: p == plain,
		columns: []column{
			{Key: "cpu", Title: "CPU µs/request", Digits: 1},
			{Key: "rate", Title: "requests/s"},
			{Key: "p50", Title: "p50 µs"},
			{Key: "p99", Title: "p99 µs"},
		},
	}
	w.run = func(b *bench, t *target) (figures, error) {
		all, err := p.open(b, t, n)
		if err != nil {
			return nil, err
		}
		defer closeLanes(all)
		r := &jsonRun{loop: b.loop, request: t.request("POST", "/v1/chat/completions", chatRequest, 0)}
		for _, ln := range all {
			c := &jsonCall{run: r, lane: ln}
			c.done = c.send
			c.send()
		}
		u, err := b.window(t, func() { r.latency = r.latency[:0] })
		if err != nil {
			return nil, err
		}
		if len(r.latency) == 0 {
			return nil, errors.New("no answer at all")
		}
		measured := r.latency // what comes after belongs to no figure
		if err := b.settle(&r.tally); err != nil {
			return nil, err
		}
		f := figures{
			"rate": float64(len(measured)) / u.wall.Seconds(),
			"p50":  measured.quantile(0.50),
			"p99":  measured.quantile(0.99),
		}
		if t.proc != nil {
			f["cpu"] = u.proxy.Seconds() * 1e6 / float64(len(measured))
		}
		return f.busy(u), nil
	}
	return w
}

// jsonRun collects the latencies of all lanes.
type jsonRun struct {
	tally
	loop    *loop
	request *request
	latency samples
}

// jsonCall is one lane's request and the check of its answer.
type jsonCall struct {
	run  *jsonRun
	lane lane
	due  int64 // when the request was sent, or should have been
	got  int
	done func()
}

func (c *jsonCall) send() {
	if c.run.closing {
		return
	}
	c.due = now()
	c.sendDue()
}

func (c *jsonCall) sendDue() {
	c.got = 0
	c.run.sent++
	c.lane.send(c.run.request, c)
}

func (c *jsonCall) data(p []byte, t int64) {
	if c.got+len(p) > len(chatAnswer) || !bytes.Equal(p, chatAnswer[c.got:c.got+len(p)]) {
		c.run.loop.fail(errors.New("the answer was altered"))
	}
	c.got += len(p)
}

func (c *jsonCall) end(t int64) {
	if c.got != len(chatAnswer) {
		c.run.loop.fail(errors.New("the answer is too short"))
		return
	}
	c.run.answered++
	c.run.latency.add(t - c.due)
	c.done()
}
