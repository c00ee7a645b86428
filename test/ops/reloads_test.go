//go:build unix

package ops

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const metricsToken = "gw_metrics"

// reloads is how many follow one another under load; more by the environment.
func reloads(t *testing.T) (n int, all bool) {
	n, err := strconv.Atoi(os.Getenv("AI_GW_LITE_TEST_RELOADS"))
	if err != nil {
		return 16, false
	}
	return n, true
}

// mistakes are what an operator gets wrong, and the word for it.
var mistakes = []struct{ more, word string }{
	{"  - {id: torn, prefix: /torn\n", `config rejected.*yaml`},
	{"concurency: {downstream_max_inflight: 9}\n", `config rejected.*unknown field`},
	{"rate_limit: {per_minute: \"${AI_GW_LITE_TEST_UNSET}\"}\n", `config rejected.*AI_GW_LITE_TEST_UNSET`},
	{"pid_file: \"${file:gone}\"\n", `config rejected.*gone`},
}

// stateful is the routes whose state is to outlive everything: one with a
// single slot, one whose first upstream has a long cooldown.
func stateful(base string) string {
	return fmt.Sprintf(`
  - {id: single, prefix: /single, upstream: {base_url: %[1]q, upstream_key_max_inflight: 1, inject_headers: [{name: x-api-key, value: k}]}}
  - id: cooled
    prefix: /cooled
    upstreams:
      - {id: spent, base_url: "%[1]s/spent", inject_headers: [{name: x-api-key, value: k}]}
      - {id: fresh, priority: 1, base_url: %[1]q, key_header: {name: x-api-key, prefix: ""}, keys: [{id: one, value: k1}, {id: two, value: k2}]}
    retry: {max_attempts: 2, on: ["401"]}
    cooldown: {"401": 900}
`, base)
}

const observed = "observability: {logging: {format: text, to_stdout: false, access_log: false}, metrics: {enabled: true, token: " + metricsToken + "}}\n"

// A third of the reloads are of a file with a mistake in it. Each comes by a
// signal or is seen by the gateway itself, in each of the ways a file changes.
func TestReloadsUnderLoadLoseNothing(t *testing.T) {
	n, all := reloads(t)
	streams := 50
	if all {
		streams = 200
	}
	p := newProvider(t)
	g := start(t, p.URL, stateful(p.URL)+observed)
	ask := func(path string) int {
		t.Helper()
		c := &caller{g: g}
		defer c.close()
		status, _, err := c.ask("POST", path, "x")
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	first := g.load(8, streams) // what that leaves behind is what the next may leave
	first.flows()
	first.end()
	before := g.settled(p)
	t.Logf("before: %v", before)

	var held *http.Response
	holder := &caller{g: g}
	defer holder.close()
	held, err := holder.open("POST", "/single/held", "x")
	if err != nil {
		t.Fatal(err)
	}
	holder.conn.SetDeadline(time.Time{}) // it lasts as long as the test
	if s := ask("/cooled/json"); s != 200 || p.spent.Load() != 1 {
		t.Fatalf("the first upstream fails and the client gets %d, the upstream %d requests", s, p.spent.Load())
	}

	began := time.Now()
	l := g.load(8, streams)
	var extra string // the route that came with the last good one
	var memory []int64
	var slowest time.Duration
	rejected, watched := 0, 0
	for i := range n {
		l.flows()
		how, tell := puttings[(i+i/12)%len(puttings)], func() { g.signal(syscall.SIGHUP) }
		seen := i%5 == 4
		if seen {
			watched++
			tell = func() {}
		}
		var took time.Duration
		if i%3 == 2 {
			rejected++
			m := mistakes[i/3%len(mistakes)]
			took = g.put(how, configOf(p.URL, stateful(p.URL)+m.more+fmt.Sprintf("# %d\n", i)), tell, m.word)
		} else {
			extra = fmt.Sprintf("/extra-%d/json", i)
			took = g.put(how, configOf(p.URL, stateful(p.URL)+fmt.Sprintf("  - {id: extra, prefix: /extra-%d, upstream: {base_url: %q}}\nconcurrency: {downstream_max_inflight: %d}\n", i, p.URL, 1000+i)+observed), tell, "config reloaded")
		}
		if seen {
			slowest = max(slowest, took)
		}
		if s := ask(extra); s != 200 {
			t.Fatalf("after reload %d %s answers %d", i, extra, s)
		}
		if s := ask("/single/json"); s != 503 {
			t.Fatalf("after reload %d the slot that is in use is free: %d", i, s)
		}
		if s := ask("/cooled/json"); s != 200 || p.spent.Load() != 1 {
			t.Fatalf("after reload %d the upstream in cooldown got its request %d; the client got %d", i, p.spent.Load(), s)
		}
		if m := g.memory(); m > 0 {
			memory = append(memory, m)
		}
	}
	took := time.Since(began)
	l.end()
	t.Logf("%d reloads in %v, %d of them rejected, %d seen without a signal, the slowest of these in force after %v", n, took.Round(time.Millisecond), rejected, watched, slowest.Round(time.Millisecond))
	if all && slowest > 3*time.Second {
		t.Errorf("a change was in force after %v, want 3s at most", slowest)
	}

	close(p.letGo)
	holder.conn.SetDeadline(time.Now().Add(patience))
	if rest, err := io.ReadAll(held.Body); err != nil || string(rest) != "data: 1\n\ndata: 2\n\n" {
		t.Errorf("the stream that was open all the time brought %q, %v", rest, err)
	}
	holder.close()
	g.await("the slot", func() bool { return ask("/single/json") == 200 })
	if s := ask("/extra-0/json"); n > 1 && s != 404 {
		t.Errorf("a route of the first configuration answers %d", s)
	}
	want := first.answers.Load() + first.streams.Load() + l.answers.Load() + l.streams.Load()
	g.await(fmt.Sprintf("a count of %d requests", want), func() bool {
		return int64(g.metric(`gateway_requests_total{code="",method="POST",route="api",`)) == want
	})
	g.flat(p, before, memory)
}

// Requests of one minute are counted together, whatever is read meanwhile.
func TestRateWindowsOutliveReloads(t *testing.T) {
	t.Parallel()
	const limit = 8
	p := newProvider(t)
	more := func(n int) string {
		return fmt.Sprintf("  - {id: again, prefix: /again, upstream: {base_url: %[1]q}}\n  - {id: extra, prefix: /extra-%[2]d, upstream: {base_url: %[1]q}}\n"+
			"rate_limit: {per_minute: %[3]d}\nreload: {watch: false}\n", p.URL, n, limit)
	}
	g := start(t, p.URL, more(0))
	c := &caller{g: g}
	defer c.close()
	minute := func() time.Time { return time.Now().Truncate(time.Minute) }
	for _, route := range []string{"/api", "/again"} { // it is per route; a minute may begin half-way, but not twice
		began, passed := minute(), 0
		var last int
		for last = 200; last == 200 && passed <= limit; {
			var err error
			if last, _, err = c.ask("POST", route+"/json", "x"); err != nil {
				t.Fatal(err)
			}
			if last == 200 {
				passed++
			}
			g.configure(configOf(p.URL, more(passed)))
			if !g.reload() {
				t.Fatal("a good configuration was rejected")
			}
			g.configure(configOf(p.URL, mistakes[0].more))
			if g.reload() {
				t.Fatal("a broken configuration was accepted")
			}
		}
		if minute() != began {
			continue
		}
		if passed != limit || last != 429 {
			t.Errorf("with a reload after each, %d requests of a minute passed and one was answered by %d; the limit is %d", passed, last, limit)
		}
		return
	}
	t.Error("two minutes began")
}

// usage is what a process holds.
type usage struct {
	descriptors, goroutines int // the former without connections to the provider
	memory                  int64
}

func (u usage) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %d MiB", u.descriptors, u.goroutines, u.memory>>20)
}

func (g *gateway) usage(p *provider) usage {
	g.t.Helper()
	u := usage{goroutines: int(g.metric("go_goroutines ")), memory: g.memory()}
	if u.descriptors = descriptors(g.pid()); u.descriptors >= 0 {
		u.descriptors -= int(p.open.Load())
	}
	return u
}

// settled is the least that the process holds once its load is over.
func (g *gateway) settled(p *provider) usage {
	g.t.Helper()
	least := g.usage(p)
	for since := time.Now(); time.Since(since) < time.Second; time.Sleep(20 * time.Millisecond) {
		u := g.usage(p)
		if u.descriptors < least.descriptors || u.goroutines < least.goroutines {
			least, since = u, time.Now()
		}
	}
	return least
}

// flat fails the test unless what the process holds is again what it was.
// Memory must not have grown while the load was the same.
func (g *gateway) flat(p *provider, before usage, memory []int64) {
	g.t.Helper()
	var now usage
	g.await(fmt.Sprintf("the %v of before", before), func() bool {
		now = g.usage(p)
		return now.descriptors <= before.descriptors && now.goroutines <= before.goroutines
	})
	g.t.Logf("after: %v", now)
	n := len(memory)
	if n < 100 {
		return
	}
	early, late := slices.Max(memory[n/4:n/2]), slices.Max(memory[3*n/4:])
	g.t.Logf("memory under load: %d MiB at most in the second quarter, %d MiB in the last", early>>20, late>>20)
	if late > early+early/8+8<<20 {
		g.t.Error("memory grows")
	}
}

// memory is the resident set in bytes; 0 where nobody tells.
func (g *gateway) memory() (n int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.pid()))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	fmt.Sscanf(rest, "%d kB", &n)
	return n << 10
}

// metric is the sum of the series whose text begins so.
func (g *gateway) metric(series string) (sum float64) {
	g.t.Helper()
	req, err := http.NewRequest("GET", "http://"+g.address+"/metrics", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+metricsToken)
	req.Close = true
	res, err := new(http.Transport).RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), series) {
			_, value, _ := strings.Cut(lines.Text(), " ")
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				g.t.Fatalf("%s: %v", lines.Text(), err)
			}
			sum += n
		}
	}
	return sum
}
