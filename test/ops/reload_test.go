//go:build unix

package ops

import (
	"fmt"
	"os"
	"testing"
)

func TestReloadUnderLoadLosesNothing(t *testing.T) {
	p := newProvider(t)
	g := start(t, p.URL, "reload: {watch: false}\n")
	status := func(path string) int {
		c := &caller{g: g}
		defer c.close()
		status, _, err := c.ask("POST", path, "x")
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	first := g.load(8, 50) // as many connections to the provider are kept idle by it as by the next one
	first.flows()
	first.end()
	before := descriptors(g.pid())

	l := g.load(8, 50)
	for n := range 24 {
		l.flows()
		if n%3 == 2 {
			g.configure(configOf(p.URL, "routes: nonsense\n"))
			if g.reload() {
				t.Fatal("a broken configuration was accepted")
			}
			continue
		}
		more := fmt.Sprintf("  - {id: extra, prefix: /extra-%d, upstream: {base_url: %q}}\nreload: {watch: false}\nconcurrency: {downstream_max_inflight: %d}\n", n, p.URL, 1000+n)
		g.configure(configOf(p.URL, more))
		if !g.reload() {
			t.Fatal("a good configuration was rejected")
		}
		if s := status(fmt.Sprintf("/extra-%d/json", n)); s != 200 {
			t.Fatalf("the new route answers %d", s)
		}
	}
	l.end()
	if s := status("/extra-0/json"); s != 404 {
		t.Errorf("a route of the first configuration answers %d", s)
	}
	if before > 0 {
		g.await(fmt.Sprintf("about the %d descriptors of before", before), func() bool {
			return descriptors(g.pid()) <= before+8 // there were 16 reloads
		})
	}
}

func TestChangedFileIsInForceWithoutASignal(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "")
	c := &caller{g: g}
	defer c.close()
	if status, _, err := c.ask("POST", "/api/json", "x"); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	g.configure(configOf(p.URL, "  - {id: other, prefix: /other, upstream: {base_url: \""+p.URL+"\"}}\n"))
	g.awaitLine(`msg="config reloaded"`)
	if status, _, err := c.ask("POST", "/other/json", "x"); err != nil || status != 200 {
		t.Errorf("the new route answers %d, %v", status, err)
	}
	if err := os.Remove(g.config); err != nil {
		t.Fatal(err)
	}
	g.awaitLine(`msg="config rejected" problem=.*cannot be read`)
	if status, _, err := c.ask("POST", "/other/json", "x"); err != nil || status != 200 {
		t.Errorf("without the file the route answers %d, %v", status, err)
	}
	if c.dials != 1 {
		t.Errorf("the client had to connect %d times, want once", c.dials)
	}
}
