//go:build unix

package ops

import (
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// held opens a stream that goes on until the provider lets it go.
func (g *gateway) held() (*caller, *http.Response) {
	g.t.Helper()
	c := &caller{g: g}
	g.t.Cleanup(c.close)
	res, err := c.open("POST", "/api/held", "x")
	if err != nil {
		g.t.Fatal(err)
	}
	first := make([]byte, len("data: 1\n\n"))
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "data: 1\n\n" {
		g.t.Fatalf("the stream began with %q, %v", first, err)
	}
	return c, res
}

func endsWhole(t *testing.T, res *http.Response) {
	t.Helper()
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "data: 2\n\n" {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
}

func TestStopWaitsForStreams(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "")
	_, res := g.held()
	g.signal(syscall.SIGTERM)
	g.awaitLine("msg=draining")
	g.await("a closed port", func() bool {
		c, err := g.dial()
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(p.letGo)
	endsWhole(t, res)
	if code := g.exit(); code != 0 {
		t.Errorf("it exits with %d, want 0", code)
	}
	g.awaitLine("msg=stopped broken_off=0")
}

func TestStopBreaksOffWhatIsLeftAtTheEnd(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "shutdown: {drain_timeout_secs: 1}\n")
	_, res := g.held()
	began := time.Now()
	g.signal(syscall.SIGINT)
	if rest, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("the stream ended with %q and looks whole", rest)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("it was broken off after %v, want a second", took)
	}
	if code := g.exit(); code != 0 {
		t.Errorf("it exits with %d, want 0", code)
	}
	g.awaitLine("msg=stopped broken_off=1")
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "")
	g.held()
	g.signal(syscall.SIGTERM)
	g.awaitLine("msg=draining")
	g.signal(syscall.SIGTERM)
	if code := g.exit(); code != 1 {
		t.Errorf("it exits with %d, want 1", code)
	}
}

func TestLoadBalancersAreToldBeforeTheDrain(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := start(t, p.URL, "shutdown: {delay_secs: 1}\n")
	kept := &caller{g: g}
	defer kept.close()
	if status, body, err := kept.ask("GET", "/healthz", ""); status != 200 || err != nil {
		t.Fatal(status, body, err)
	}
	g.signal(syscall.SIGTERM)
	g.awaitLine("msg=draining")
	for range 2 { // on the kept connection, which ends with that, and on a new one
		if status, body, err := kept.ask("GET", "/healthz", ""); status != 503 || body != `{"status":"draining"}` {
			t.Errorf("/healthz answers %d %q (%v), want 503", status, body, err)
		}
		if kept.conn != nil {
			t.Error("the answer did not end its connection")
		}
	}
	if status, _, err := kept.ask("POST", "/api/json", "x"); status != 200 || err != nil {
		t.Errorf("a request during the delay is answered by %d, %v", status, err)
	}
	if code := g.exit(); code != 0 {
		t.Errorf("it exits with %d, want 0", code)
	}
}
