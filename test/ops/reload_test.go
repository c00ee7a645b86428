//go:build unix

package ops

import (
	"os"
	"testing"
)

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
