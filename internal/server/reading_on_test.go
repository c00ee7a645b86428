package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// readingOn is a route whose answers are read on when their client has left,
// and one place on each side.
const readingOn = observed + `
concurrency: {downstream_max_inflight: 1, upstream_per_key_max_inflight: 1}
routes:
  - id: api
    prefix: /api
    upstream: {base_url: %q, request_timeout_ms: %d, inject_headers: [{name: authorization, value: Bearer sk-provider}]}
    stream: {%s}
`

// The answers that a client leaves, in two parts. Their usage is in the second.
const (
	leftEvents = `data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"a"}}]}` + "\n\n"
	lastEvents = `data: {"model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}` + "\n\ndata: [DONE]\n\n"
	leftJSON   = `{"model":"m-1","choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}],`
	lastJSON   = `"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}`
)

// isLeftOpen reports that the gateway does not close its connection while
// nothing happens on it.
func (c *upstreamConn) isLeftOpen() bool {
	c.SetReadDeadline(time.Now().Add(quietTime))
	_, err := c.r.Peek(1)
	c.SetReadDeadline(time.Time{})
	return isTimeout(err)
}

// The client is gone for good; what its answer costs is known all the same.
func TestAnswerIsReadOnWithoutItsClient(t *testing.T) {
	jsonHead := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(leftJSON)+len(lastJSON))
	for _, row := range []struct{ name, before, after string }{
		{"a stream", eventHead + chunk(leftEvents), chunk(lastEvents) + lastChunk},
		{"a stream that has not begun", "", eventHead + chunk(leftEvents) + chunk(lastEvents) + lastChunk},
		{"a plain answer", jsonHead + leftJSON, lastJSON},
		{"a plain answer that has not begun", "", jsonHead + leftJSON + lastJSON},
	} {
		t.Run(row.name, func(t *testing.T) {
			overAtOnce(t, transports, func(t *testing.T, via transport) {
				left, leaving := gate(t)
				goOn, going := gate(t)
				arrived, waits := make(chan bool, 1), make(chan bool, 1)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.readBody(r)
					if r.target != "/v1/chat/completions" {
						c.send(okAnswer)
						return
					}
					c.send(row.before)
					arrived <- true
					<-leaving
					waits <- c.isLeftOpen()
					<-going
					c.send(row.after)
				})
				g := run(t, via, readingOn, u.base(), 60000, "on_client_disconnect: drain")
				leave := g.leaving("POST", "/api/v1/chat/completions")
				receive(t, arrived, "the request")
				leave()
				left()
				if !receive(t, waits, "the upstream to look") {
					t.Fatal("the upstream was left")
				}
				for range 2 {
					g.get("/api/other").refusal(t, 503, "downstream_concurrency_exceeded") // the place is held
					g.outcome()
					g.line()
				}
				goOn()
				g.outcome()
				l := g.line()
				if l.End != "client_gone" || l.Usage == nil || l.Usage.Output == nil || *l.Usage.Output != 5 || *l.Usage.Input != 3 || l.Model != "m-1" {
					t.Errorf("the access log has %+v", l)
				}
				g.counts(`gateway_tokens_total{kind="output",model="m-1",route="api"}`, "5")
				if strings.HasPrefix(row.name, "a stream") {
					g.counts(`gateway_streams_total{end="client_gone",route="api"}`, "1")
				}
				g.get("/api/other").ok(t) // and given back, its connection too
				if all := u.requests(); all[len(all)-1].onConn != 1 {
					t.Error("the connection was not used again, although its answer was read whole")
				}
			})
		})
	}
}

// For at most drain_max_secs, and for no longer than the request's budget.
func TestReadingOnIsBounded(t *testing.T) {
	for _, row := range []struct {
		name, head, stream string
		budget             int // ms
	}{
		{"by drain_max_secs", eventHead, "on_client_disconnect: drain, drain_max_secs: 1", 60000},
		{"by the budget of a plain answer", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "on_client_disconnect: drain, drain_max_secs: 30", 1000},
	} {
		t.Run(row.name, func(t *testing.T) {
			overAtOnce(t, transports, func(t *testing.T, via transport) {
				left, leaving := gate(t)
				arrived, ended := make(chan bool, 1), make(chan time.Duration, 1)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.readBody(r)
					if r.target != "/v1/chat/completions" {
						c.send(okAnswer)
						return
					}
					began := time.Now()
					c.send(row.head)
					c.sendChunk(leftEvents)
					arrived <- true
					<-leaving
					for !c.ended { // never silent
						c.sendChunk(" ")
						waitFor(10 * time.Millisecond)
					}
					ended <- time.Since(began)
				})
				g := run(t, via, readingOn, u.base(), row.budget, row.stream)
				leave := g.leaving("POST", "/api/v1/chat/completions")
				receive(t, arrived, "the request")
				leave()
				left()
				g.outcome()
				if took := receive(t, ended, "the end of it"); took < 900*time.Millisecond || took > time.Second+promptly {
					t.Errorf("it was read on for %v", took)
				}
				if l := g.line(); l.End != "client_gone" {
					t.Errorf("the access log has %+v", l)
				}
				g.get("/api/other").ok(t)
			})
		})
	}
}

// Nothing is read on that is not wanted: by default, and where the upstream has
// not got the whole request, so that it cannot be meant.
func TestWhatIsNotReadOnEndsWithItsClient(t *testing.T) {
	for _, row := range []struct{ name, stream, length string }{
		{"by default", "drain_max_secs: 30", "2"},
		{"cancel", "on_client_disconnect: cancel", "2"},
		{"an upload under way", "on_client_disconnect: drain", "100"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				arrived := make(chan bool, 1)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					r.bodyRead = true
					if r.target == "/other" {
						c.send(okAnswer)
						return
					}
					c.send(eventHead)
					c.sendChunk(leftEvents)
					arrived <- true
					c.awaitClosed() // at once
				})
				g := run(t, via, readingOn, u.base(), 60000, row.stream)
				c := g.dial()
				c.ask("POST /api/v1/chat/completions HTTP/1.1", "Content-Length: "+row.length)
				c.send("hi")
				receive(t, arrived, "the request")
				c.Close()
				if o := g.outcome(); o.End != "client_gone" {
					t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
				}
				if l := g.line(); l.Usage != nil {
					t.Errorf("the access log has %+v", l)
				}
				g.get("/api/other").ok(t)
			})
		})
	}
}

// A stream that falls silent without its client is idle like any other.
func TestReadingOnEndsInSilence(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		arrived := make(chan bool, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send(eventHead)
			c.sendChunk(leftEvents)
			arrived <- true
			c.awaitClosed()
		})
		g := run(t, via, observed+`
routes:
  - {id: api, prefix: /api, upstream: {base_url: %q, stream_idle_timeout_ms: 200}, stream: {on_client_disconnect: drain}}
`, u.base())
		leave := g.leaving("POST", "/api")
		receive(t, arrived, "the request")
		leave()
		if l := g.line(); l.End != "client_gone" && l.End != "idle" {
			t.Errorf("the access log has %+v", l)
		}
	})
}

// Who has left is owed no other attempt: each costs, and its answer is nobody's.
func TestNothingIsRetriedForAClientThatHasLeft(t *testing.T) {
	for _, row := range []struct {
		name    string
		after   func(*upstreamConn)
		attempt string
	}{
		{"an answer", func(c *upstreamConn) { c.send(answerOf(503, "busy")) }, "a status_503"},
		{"a reset", (*upstreamConn).reset, "a broken"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				left, leaving := gate(t)
				arrived := make(chan bool, 1)
				a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.readBody(r)
					if r.target == "/other" {
						c.send(okAnswer)
						return
					}
					arrived <- true
					<-leaving
					c.isLeftOpen() // the gateway has noticed by then
					row.after(c)
				})
				b := answering(t, okAnswer)
				g := run(t, via, observed+`
concurrency: {downstream_max_inflight: 1}
routes:
  - id: api
    prefix: /api
    upstreams: [{id: a, base_url: %q}, {id: b, priority: 1, base_url: %q}]
    retry: {max_attempts: 2, on_uncertain: true}
    stream: {on_client_disconnect: drain}
`, a.base(), b.base())
				leave := g.leaving("POST", "/api")
				receive(t, arrived, "the request")
				leave()
				left()
				g.attempted(row.attempt)
				if l := g.line(); l.End != "client_gone" {
					t.Errorf("the access log has %+v", l)
				}
				g.get("/api/other").ok(t) // its place is free
				if len(b.requests()) != 0 {
					t.Error("there was an attempt elsewhere")
				}
			})
		})
	}
}

// Who has left before an answer began has waited for no first byte: none is
// logged, and none counted as come at once.
func TestAnswerThatBeginsWithoutItsClientHasNoTimeToFirstByte(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		left, leaving := gate(t)
		arrived := make(chan bool, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			arrived <- true
			<-leaving
			c.isLeftOpen() // the gateway has noticed by then
			c.send(eventHead + chunk(leftEvents) + chunk(lastEvents) + lastChunk)
		})
		g := run(t, via, readingOn, u.base(), 60000, "on_client_disconnect: drain")
		leave := g.leaving("POST", "/api/v1/chat/completions")
		receive(t, arrived, "the request")
		leave()
		left()
		g.outcome()
		g.watched.Close(patienceOfTests) // writes out what waits
		if line := g.stdout.String(); !strings.Contains(line, `"ttfb_ms":null`) || !strings.Contains(line, `"end":"client_gone"`) {
			t.Errorf("the access log has %s", line)
		}
		g.counts(`gateway_time_to_first_byte_seconds_count{route="api"}`, "0")
		g.counts(`gateway_tokens_total{kind="output",model="m-1",route="api"}`, "5")
	})
}
