package main

import (
	"errors"
	"fmt"
	"time"
)

var bulkColumns = []column{
	{Key: "speed", Title: "MiB/s"},
	{Key: "cpu", Title: "CPU ms/100 MiB", Digits: 1},
	{Key: "peak", Title: "peak RSS MiB", Digits: 1},
}

// downloadWorkload fetches one large body, twice: the first warms up and
// counts for the peak of memory alone.
func downloadWorkload(name, title string, mib int64, only ...string) workload {
	w := workload{name: name, title: title, columns: bulkColumns, direct: only == nil, only: only}
	w.run = func(b *bench, t *target) (figures, error) {
		size := mib << 20
		r := t.request("GET", fmt.Sprintf("/v1/download?bytes=%d", size), nil, 0)
		return bulk(b, t, r, mib, func() *bulkCall { return &bulkCall{loop: b.loop, size: size} })
	}
	return w
}

// uploadWorkload sends one, with a Content-Length. The upstream checks it.
func uploadWorkload(name, title string, mib int64, only ...string) workload {
	w := workload{name: name, title: title, columns: bulkColumns, direct: only == nil, only: only}
	w.run = func(b *bench, t *target) (figures, error) {
		r := t.request("POST", "/v1/upload", nil, mib<<20)
		want := fmt.Sprintf(`{"received":%d}`, mib<<20)
		return bulk(b, t, r, mib, func() *bulkCall { return &bulkCall{loop: b.loop, want: want} })
	}
	return w
}

func bulk(b *bench, t *target, r *request, mib int64, call func() *bulkCall) (figures, error) {
	all, err := plain.open(b, t, 1)
	if err != nil {
		return nil, err
	}
	defer closeLanes(all)
	var u usage
	for range 2 {
		m, err := startMeter(t.pids())
		if err != nil {
			return nil, err
		}
		c := call()
		all[0].send(r, c)
		if err := b.loop.runUntil(func() bool { return c.ended }, 2*time.Minute); err != nil {
			return nil, err
		}
		if u, err = m.stop(); err != nil {
			return nil, err
		}
	}
	f := figures{"speed": float64(mib) / u.wall.Seconds()}.busy(u)
	if t.proc != nil {
		f["cpu"] = u.proxy.Seconds() * 1e3 * 100 / float64(mib)
		use, err := memoryOf(t.pids())
		if err != nil {
			return nil, err
		}
		f["peak"] = float64(use.peak) / 1024
	}
	return f, nil
}

// bulkCall checks a large body of the pattern, or a small one that is known.
type bulkCall struct {
	loop  *loop
	size  int64  // of the pattern
	want  string // if not empty, the whole body
	got   int64
	text  string
	ended bool
}

func (c *bulkCall) data(p []byte, _ int64) {
	if c.want != "" {
		c.text += string(p)
		return
	}
	if err := checkPattern(p, c.got); err != nil {
		c.loop.fail(err)
	}
	c.got += int64(len(p))
}

func (c *bulkCall) end(int64) {
	if c.got != c.size || c.text != c.want {
		c.loop.fail(errors.New("the body's length is wrong"))
	}
	c.ended = true
}
