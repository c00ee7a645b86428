package server

import (
	"io"
	"strings"
	"testing"
	"time"
)

// idling is a route whose streams may be silent for so many ms.
const idling = observed + "routes: [{id: api, prefix: /api, upstream: {base_url: %q, stream_idle_timeout_ms: %d}}]"

// However an answer tells its end, a stream that fell silent is not ended so.
func TestSilentStreamIsBrokenOffAndNeverLooksComplete(t *testing.T) {
	for _, row := range []struct{ name, head, first string }{
		{"chunked", "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n", chunk("data: 1\n\n")},
		{"chunked, nothing sent", "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n", ""},
		{"by length", "Content-Type: application/x-ndjson\r\nContent-Length: 100\r\n", "{}\n"},
		{"until it closes", "Content-Type: application/jsonl\r\n", "{}\n"},
		{"within a chunk", "Content-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n", "10\r\nabc"},
		{"all but the last chunk", "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n", chunk("data: [DONE]\n\n") + "0\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			overAtOnce(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.readBody(r)
					c.send("HTTP/1.1 200 OK\r\n" + row.head + "\r\n" + row.first)
					c.awaitClosed()
				})
				g := run(t, via, idling, u.base(), 150)
				began := time.Now()
				a, err := g.try(g.request("POST", "/api", strings.NewReader("hi")))
				if err == nil && a.err == nil {
					t.Errorf("it looks complete: %d %q", a.status, a.body)
				}
				if took := time.Since(began); took < 150*time.Millisecond || took > promptly {
					t.Errorf("it took %v", took)
				}
				if via.http2 && (err == nil && !strings.Contains(a.err.Error(), "stream error")) {
					t.Errorf("it ended with %v, want a reset of the stream alone", a.err)
				}
				if l := g.line(); l.Status != 200 || l.Code != "" || l.End != "idle" {
					t.Errorf("the access log has %+v", l)
				}
				g.counts(`gateway_streams_total{end="idle",route="api"}`, "1")
			})
		})
	}
}

// fallingSilent is an upstream whose stream brings one event and no more.
func fallingSilent(t *testing.T) *scriptedUpstream {
	return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.readBody(r)
		c.send(eventHead)
		c.sendChunk("data: 1\n\n")
		c.awaitClosed()
	})
}

// HTTP/1.0 knows of no chunks: what is missing shows in a reset alone.
func TestSilentStreamOfAnHTTP10ClientEndsInAReset(t *testing.T) {
	over(t, anyWouldDo, func(t *testing.T, via transport) {
		g := run(t, via, idling, fallingSilent(t).base(), 150)
		c := g.dial()
		c.send("GET /api HTTP/1.0\r\nAuthorization: Bearer " + token + "\r\n\r\n")
		c.head()
		if rest, err := c.rest(); rest != "data: 1\n\n" || err == nil {
			t.Errorf("the stream ended with %q, %v, want a reset", rest, err)
		}
	})
}

// On the wire: no last chunk, and no second answer.
func TestSilentStreamOfAnHTTP11ClientHasNoLastChunk(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := run(t, via, idling, fallingSilent(t).base(), 150)
		c := g.dial()
		c.ask("GET /api HTTP/1.1")
		if h := c.head(); !strings.HasPrefix(h, "HTTP/1.1 200 ") {
			t.Fatalf("got %q", h)
		}
		if rest, _ := c.rest(); rest != chunk("data: 1\n\n") {
			t.Errorf("on the wire came %q", rest)
		}
	})
}

// Each byte starts the time anew, and an answer that is no stream has none.
func TestStreamThatGoesOnIsNotSilent(t *testing.T) {
	for _, row := range []struct {
		kind   string
		pieces int
		pause  time.Duration
	}{
		{"text/event-stream", 8, 100 * time.Millisecond},
		{"application/json", 1, 800 * time.Millisecond},
	} {
		t.Run(row.kind, func(t *testing.T) {
			overAtOnce(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.readBody(r)
					c.send("HTTP/1.1 200 OK\r\nContent-Type: " + row.kind + "\r\nTransfer-Encoding: chunked\r\n\r\n")
					for range row.pieces {
						c.sendChunk(" ")
						waitFor(row.pause)
					}
					c.send(lastChunk)
				})
				g := run(t, via, idling, u.base(), 600)
				if a := g.post("/api", "hi"); len(a.body) != row.pieces || a.err != nil {
					t.Errorf("got %q, %v", a.body, a.err)
				}
				if l := g.line(); l.End != "complete" {
					t.Errorf("the access log has %+v", l)
				}
			})
		})
	}
}

// The other streams of an HTTP/2 connection go on.
func TestSilentStreamDisturbsNoOther(t *testing.T) {
	over(t, http2Alone, func(t *testing.T, via transport) {
		goOn, going := gate(t)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			c.sendChunk("data: 1\n\n")
			if r.target == "/silent" {
				c.awaitClosed()
				return
			}
			for open := true; open; {
				select {
				case <-going:
					open = false
				case <-time.After(30 * time.Millisecond):
					c.sendChunk(":\n\n")
				}
			}
			c.send(lastChunk)
		})
		g := run(t, via, idling, u.base(), 600)
		lively := g.open(g.request("GET", "/api/lively", nil))
		silent := g.open(g.request("GET", "/api/silent", nil))
		if b, err := io.ReadAll(silent.Body); err == nil {
			t.Errorf("the silent one ended cleanly after %q", b)
		}
		goOn()
		if b, err := io.ReadAll(lively.Body); err != nil || !strings.HasPrefix(string(b), "data: 1\n\n") {
			t.Errorf("its sibling got %q, %v", b, err)
		}
	})
}
