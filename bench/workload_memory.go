package main

import (
	"errors"
	"fmt"
	"time"
)

const memoryName = "memory-" // and the number of streams

// memoryWorkload opens n streams that have had one event and are now silent,
// as those of waiting agents are, and weighs the proxy before and after.
func memoryWorkload(n int) workload {
	w := workload{
		name: fmt.Sprint(memoryName, n), title: fmt.Sprintf("memory with %d open, idle streams", n),
		columns: []column{
			{Key: "rss", Title: "RSS KiB/stream", Digits: 1},
			{Key: "pss", Title: "PSS KiB/stream", Digits: 1},
			{Key: "base", Title: "RSS MiB before", Digits: 1},
			{Key: "total", Title: "RSS MiB with all", Digits: 1},
		},
	}
	w.run = func(b *bench, t *target) (figures, error) {
		h := &holdRun{loop: b.loop}
		defer h.close()
		r := t.request("GET", "/v1/hold", nil, 0)
		// One stream first: what a proxy needs once is not a stream's.
		if err := h.open(t, r, 1); err != nil {
			return nil, err
		}
		before, err := settledMemory(b, t)
		if err != nil {
			return nil, err
		}
		for len(h.lanes) < n+1 {
			// In small lots, for the sake of the proxy's accept queue.
			if err := h.open(t, r, min(100, n+1-len(h.lanes))); err != nil {
				return nil, fmt.Errorf("after %d streams: %w", h.opened, err)
			}
		}
		after, err := settledMemory(b, t)
		if err != nil {
			return nil, err
		}
		return figures{
			"rss":   float64(after.rss-before.rss) / float64(n),
			"pss":   float64(after.pss-before.pss) / float64(n),
			"base":  float64(before.rss) / 1024,
			"total": float64(after.rss) / 1024,
		}, nil
	}
	return w
}

// settledMemory is read after two quiet seconds.
func settledMemory(b *bench, t *target) (memoryUse, error) {
	if err := b.loop.runFor(2 * time.Second); err != nil {
		return memoryUse{}, err
	}
	return memoryOf(t.pids())
}

// holdRun is a growing number of streams; opened of them have had their event.
type holdRun struct {
	loop   *loop
	lanes  []lane
	opened int
}

// open adds n streams and waits for the first event of each.
func (h *holdRun) open(t *target, r *request, n int) error {
	for range n {
		ln, err := dialLane(h.loop, t, sourceAddr(len(h.lanes)))
		if err != nil {
			return err
		}
		h.lanes = append(h.lanes, ln)
		ln.send(r, &holdCall{run: h})
	}
	return h.loop.runUntil(func() bool { return h.opened == len(h.lanes) }, within)
}

func (h *holdRun) close() { closeLanes(h.lanes) }

type holdCall struct {
	run *holdRun
	got int
}

func (c *holdCall) data(p []byte, _ int64) {
	c.got += len(p)
	if c.got == len(event) {
		c.run.opened++
	}
}

func (c *holdCall) end(int64) {
	c.run.loop.fail(errors.New("a held stream ended"))
}
