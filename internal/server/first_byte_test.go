package server

import (
	"io"
	"strings"
	"testing"
	"time"
)

// late is a route whose upstream must begin to answer within a moment.
const late = observed + "routes: [{id: api, prefix: /api, upstream: {base_url: %q, first_byte_timeout_ms: 400%s}}]"

func TestLateFirstByteIsAnUpstreamTimeout(t *testing.T) {
	for _, row := range []struct {
		name   string
		script func(*upstreamConn)
	}{
		{"silence", func(*upstreamConn) {}},
		{"half a head", func(c *upstreamConn) { c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-") }},
		{"an interim answer alone", func(c *upstreamConn) { c.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			overAtOnce(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if r.target == "/ok" {
						answerOK(c, r)
						return
					}
					c.readBody(r)
					row.script(c)
					c.awaitClosed() // at once, for it goes on running, and costs money
				})
				g := run(t, via, late, u.base(), ", upstream_key_max_inflight: 1, inject_headers: [{name: authorization, value: k}]")
				began := time.Now()
				a := g.post("/api/v1", "hi")
				a.refusal(t, 504, "upstream_timeout")
				if took := time.Since(began); took < 400*time.Millisecond || took > promptly {
					t.Errorf("it took %v", took)
				}
				if l := g.line(); l.Status != 504 || l.Code != "upstream_timeout" || l.End != "timeout" {
					t.Errorf("the access log has %+v", l)
				}
				g.said("request failed", "upstream_timeout", "first_byte_timeout_ms ran out")
				g.counts(`gateway_upstream_attempts_total{key="",result="timeout",route="api",upstream="`+u.base()+`"}`, "1")
				g.get("/api/ok").ok(t) // the place is free
				if n := len(u.requests()); n != 2 {
					t.Errorf("the upstream got %d requests, want each once", n)
				}
			})
		})
	}
}

// Once a head has come the wait is over, however long the body takes, stream or
// not.
func TestFirstByteTimeoutEndsWithTheHead(t *testing.T) {
	for _, kind := range []string{"text/event-stream", "application/json"} {
		t.Run(kind, func(t *testing.T) {
			overAtOnce(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.readBody(r)
					c.send("HTTP/1.1 200 OK\r\nContent-Type: " + kind + "\r\nTransfer-Encoding: chunked\r\n\r\n")
					waitFor(unhurried)
					c.sendChunk("late")
					waitFor(unhurried)
					c.send(lastChunk)
				})
				g := run(t, via, late, u.base(), "")
				if a := g.post("/api", "hi"); a.status != 200 || a.body != "late" || a.err != nil {
					t.Errorf("got %d %q, %v", a.status, a.body, a.err)
				}
				if l := g.line(); l.End != "complete" {
					t.Errorf("the access log has %+v", l)
				}
			})
		})
	}
}

func TestFirstByteTimeoutBoundsAHandshake(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.target == "/slow" {
				c.awaitClosed()
				return
			}
			c.send(wsOpen)
			waitFor(2 * unhurried)
			c.send("hello")
			c.awaitGatewayGone()
		})
		g := run(t, via, late, u.base(), "")
		c := g.dial()
		c.handshake("/api/slow", "")
		c.answer("GET").refusal(t, 504, "upstream_timeout")
		c.handshake("/api/open", "")
		c.opened()
		c.expect("hello") // a tunnel may be silent
	})
}

// first_byte_timeout_ms is the wait of each attempt. Where the request may have
// run it is not retried, unless that is allowed; a GET without a body always is.
func TestLateFirstByteIsRetriedAsFarAsThatIsSafe(t *testing.T) {
	for _, row := range []struct{ method, retry, attempts string }{
		{"POST", "", "a timeout"},
		{"POST", ", on_uncertain: true", "a timeout, b timeout, c ok"},
		{"GET", "", "a timeout, b timeout, c ok"},
		{"GET", ", max_attempts: 1", "a timeout"},
	} {
		t.Run(row.method+row.retry, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				slow := func() *scriptedUpstream {
					return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.readBody(r); c.awaitClosed() })
				}
				a, b, c := slow(), slow(), answering(t, okAnswer)
				retry := "max_attempts: 3" + row.retry
				if strings.Contains(row.retry, "max_attempts") {
					retry = strings.TrimPrefix(row.retry, ", ")
				}
				g := run(t, via, observed+`
routes:
  - id: api
    prefix: /api
    upstreams:
      - {id: a, base_url: %q, first_byte_timeout_ms: 60}
      - {id: b, base_url: %q, priority: 1, first_byte_timeout_ms: 60}
      - {id: c, base_url: %q, priority: 2}
    retry: {%s}
`, a.base(), b.base(), c.base(), retry)
				var body io.Reader
				if row.method == "POST" {
					body = strings.NewReader("hi")
				}
				answer := g.do(g.request(row.method, "/api", body))
				if o := g.attempted(row.attempts); strings.HasSuffix(row.attempts, "ok") != (answer.status == 200) {
					t.Errorf("got %d %q (%v)", answer.status, answer.body, o.Cause)
				}
				if l := g.line(); l.Attempts != strings.Count(row.attempts, ",")+1 {
					t.Errorf("the access log has %+v", l)
				}
				// It cools nobody: it is no failure to connect and no status.
				if g.hasSaid("cooldown begins") {
					t.Errorf("something is in cooldown:\n%s", g.stderr)
				}
			})
		})
	}
}
