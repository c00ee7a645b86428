package server

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const withTimings = "observability: {server_timing: true, logging: {format: json}}\n"

var (
	ownTiming  = regexp.MustCompile(`^aigw;dur=(\d+\.\d{3})$`)
	bothTiming = regexp.MustCompile(`^aigw;dur=(\d+\.\d{3}), upstream;dur=(\d+\.\d{3})$`)
)

// duration reads the milliseconds of a Server-Timing metric.
func duration(t *testing.T, ms string) time.Duration {
	t.Helper()
	f, err := strconv.ParseFloat(ms, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(f * float64(time.Millisecond))
}

func TestServerTimingTellsOursFromTheUpstreams(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		const pause = 100 * time.Millisecond
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			waitFor(pause)
			c.send("HTTP/1.1 200 OK\r\nServer-Timing: model;dur=7\r\nContent-Length: 5\r\n\r\nhello")
		})
		g := run(t, via, withTimings+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		began := time.Now()
		res := g.open(g.request("POST", "/api", strings.NewReader("hi")))
		took := time.Since(began) // until the head: what comes after it cannot be in it
		got := res.Header.Values("Server-Timing")
		if len(got) != 2 || got[0] != "model;dur=7" || !bothTiming.MatchString(got[1]) {
			t.Fatalf("Server-Timing is %q", got)
		}
		m := bothTiming.FindStringSubmatch(got[1])
		own, theirs := duration(t, m[1]), duration(t, m[2])
		if theirs < pause || own+theirs > took {
			t.Errorf("ours is %v and the upstream's %v, of %v with %v in it", own, theirs, took, pause)
		}
	})
}

// What connecting took is the upstream's, even if nothing came of it: the one
// who looks is not to be sent the wrong way.
func TestServerTimingOfAFailureIsTheUpstreams(t *testing.T) {
	for _, row := range []struct{ name, fields string }{
		{"connect timeout", "connect_timeout_ms: 100"},
		{"first byte timeout, after another attempt", "first_byte_timeout_ms: 100"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				base := "https://" + silent(t)
				if strings.HasPrefix(row.fields, "first") {
					base = "http://" + silent(t)
				}
				g := run(t, via, withTimings+`
routes:
  - id: api
    prefix: /api
    upstreams: [{id: a, base_url: %q}, {id: b, base_url: %q, priority: 1, %s}]
    retry: {max_attempts: 2}
`, closedPort(t), base, row.fields)
				a := g.post("/api", "hi")
				m := bothTiming.FindStringSubmatch(a.header.Get("Server-Timing"))
				if a.status != 504 || m == nil {
					t.Fatalf("got %d with Server-Timing: %q", a.status, a.header.Values("Server-Timing"))
				}
				if own, theirs := duration(t, m[1]), duration(t, m[2]); theirs < 90*time.Millisecond || own > theirs {
					t.Errorf("ours is %v and the upstream's %v", own, theirs)
				}
			})
		})
	}
}

func TestServerTimingOfARefusalIsOursAlone(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := run(t, via, withTimings+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", answering(t, okAnswer).base())
		for _, a := range []*answer{g.get("/api", "Authorization:"), g.get("/nowhere"), g.get("/api/..")} {
			if got := a.header.Values("Server-Timing"); len(got) != 1 || !ownTiming.MatchString(got[0]) {
				t.Errorf("Server-Timing of a %d is %q", a.status, got)
			}
		}
	})
}

func TestServerTimingIsOffUnlessAskedFor(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, answerOf(200, "ok", "Server-Timing: model;dur=7"))
		g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		if got := g.get("/api").header.Values("Server-Timing"); !slices.Equal(got, []string{"model;dur=7"}) {
			t.Errorf("Server-Timing is %q", got)
		}
	})
}
