package server

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestUploadKeepsItsFraming(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		g.post("/api", "hello").ok(t)
		g.do(g.request("POST", "/api", io.MultiReader(strings.NewReader("hel"), strings.NewReader("lo")))).ok(t)
		g.do(g.request("POST", "/api", nil)).ok(t)
		g.get("/api").ok(t)
		r := u.requests()
		for i, want := range []struct{ length, coding, body string }{
			{"5", "", "hello"},
			{"", "chunked", "hello"},
			{r[2].get("Content-Length"), "", ""}, // a client may say that a POST has none
			{"", "", ""},
		} {
			if r[i].get("Content-Length") != want.length || r[i].get("Transfer-Encoding") != want.coding || r[i].body != want.body {
				t.Errorf("request %d went upstream as %q with body %q", i+1, r[i].head, r[i].body)
			}
		}
		if l := r[2].get("Content-Length"); l != "" && l != "0" {
			t.Errorf("a POST without a body has Content-Length %s", l)
		}
	})
}

func TestChunkedUploadLosesExtensionsAndTrailers(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		raw := make(chan string, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			r.bodyRead = true
			b := make([]byte, len("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
			io.ReadFull(c.r, b)
			raw <- string(b)
			c.send(okAnswer)
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("POST /api HTTP/1.1", "Transfer-Encoding: chunked", "Trailer: Authorization")
		c.send("3;ext=\"v\"\r\nabc\r\n2\r\nde\r\n0\r\nAuthorization: Bearer evil\r\nX: y\r\n\r\n")
		c.answer("POST").ok(t)
		if got := <-raw; got != "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" {
			t.Errorf("the upstream got %q", got)
		}
		c.ask("GET /nowhere HTTP/1.1") // nothing is left over
		c.answer("GET").refusal(t, 404, "route_not_found")
	})
}

func TestUploadStartsBeforeItIsComplete(t *testing.T) {
	for _, length := range []int64{-1, 10} {
		t.Run(fmt.Sprintf("length %d", length), func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				first := make(chan string, 1)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					b := make([]byte, 5)
					if length < 0 {
						c.r.Discard(len("5\r\n"))
					}
					io.ReadFull(c.r, b)
					first <- string(b)
					c.hangUp()
				})
				g := start(t, via, newConfig(u.base()))
				body := newPipe(t)
				req := g.request("POST", "/api", body)
				req.ContentLength = length
				go func() {
					body.write("begin")
					if got := <-first; got != "begin" {
						t.Errorf("the upstream got %q first", got)
					}
					body.end()
				}()
				res, err := g.client.Do(req)
				if err == nil {
					res.Body.Close()
				}
			})
		})
	}
}

// randomBytes are what no layer could compress, guess or mistake.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestLargeBodiesPassUnchanged(t *testing.T) {
	sent := randomBytes(3 << 20)
	for _, framing := range []string{"by length", "chunked", "until close"} {
		t.Run(framing, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if c.readBody(r) != nil {
						return
					}
					switch framing {
					case "by length":
						c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(r.body), r.body))
					case "chunked":
						c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
						for i, b := 1, r.body; len(b) > 0; i++ {
							n := min(len(b), i*7919%70000+1)
							c.sendChunk(b[:n])
							b = b[n:]
						}
						c.send(lastChunk)
					default:
						c.send("HTTP/1.1 200 OK\r\n\r\n" + r.body)
						c.hangUp()
					}
				})
				g := start(t, via, newConfig(u.base()))
				req := g.request("POST", "/api", bytes.NewReader(sent))
				if framing == "chunked" {
					req.ContentLength = -1
				}
				if a := g.do(req); a.err != nil || a.body != string(sent) {
					t.Errorf("sent %d bytes, got %d of others, %v", len(sent), len(a.body), a.err)
				}
				if o := g.outcome(); o.BytesIn != int64(len(sent)) || o.BytesOut != int64(len(sent)) {
					t.Errorf("counted %d bytes in and %d out, want %d", o.BytesIn, o.BytesOut, len(sent))
				}
			})
		})
	}
}

func TestEncodedBodyIsNotDecoded(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		gzip := "\x1f\x8b\x08 not really"
		u := answering(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(gzip), gzip))
		g := start(t, via, newConfig(u.base()))
		if a := g.get("/api", "Accept-Encoding: gzip, br"); a.body != gzip || a.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("got %q %v", a.body, a.header)
		}
		if got := u.only().all("Accept-Encoding"); len(got) != 1 || got[0] != "gzip, br" {
			t.Errorf("Accept-Encoding went upstream as %q", got)
		}
	})
}

func TestEachEventArrivesWhileTheUpstreamHoldsTheNextOneBack(t *testing.T) {
	for _, row := range []struct{ name, head string }{
		{"events", eventHead},
		{"lines", "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"audio", "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"no type", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"JSON by length", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 80\r\n\r\n"},
		{"until close", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				goOn := make(chan bool)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.send(row.head)
					if !<-goOn {
						return
					}
					for range 8 {
						if strings.Contains(row.head, "chunked") {
							c.sendChunk("data: 78\n\n")
						} else {
							c.send("data: 78\n\n")
						}
						if !<-goOn {
							return
						}
					}
					c.hangUp()
				})
				t.Cleanup(func() { close(goOn) })
				g := start(t, via, newConfig(u.base()))
				res := g.open(g.request("GET", "/api", nil)) // the head is here before any event
				for range 8 {
					goOn <- true
					event := make([]byte, 10)
					if _, err := io.ReadFull(res.Body, event); err != nil || string(event) != "data: 78\n\n" {
						t.Fatalf("got %q, %v", event, err)
					}
				}
			})
		})
	}
}

func TestAnswerMayEndBeforeTheUploadDoes(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			r.bodyRead = true
			c.send("HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\n\r\nstop")
			c.awaitClosed()
		})
		g := start(t, via, newConfig(u.base()))
		body := newPipe(t)
		req := g.request("POST", "/api", body)
		go body.write("begin")
		if a := g.do(req); a.status != 413 || a.body != "stop" || a.err != nil {
			t.Errorf("got %d %q %v", a.status, a.body, a.err)
		}
		if o := g.outcome(); o.Status != 413 || o.End != "complete" {
			t.Errorf("it is accounted as %d %s", o.Status, o.End)
		}
	})
}

func TestAnswerMayBeginBeforeTheUploadEnds(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			c.sendChunk("ready")
			c.readBody(r)
			c.sendChunk(r.body)
			c.send(lastChunk)
		})
		g := start(t, via, newConfig(u.base()))
		body := newPipe(t)
		first := make(chan struct{})
		go func() {
			defer close(first)
			body.write("one ")
		}()
		res := g.open(g.request("POST", "/api", body))
		ready := make([]byte, 5)
		if _, err := io.ReadFull(res.Body, ready); err != nil {
			t.Fatal(err)
		}
		<-first
		body.write("two")
		body.end()
		if rest, err := io.ReadAll(res.Body); string(rest) != "one two" || err != nil {
			t.Errorf("got %q, %v", rest, err)
		}
	})
}

// A stalled reader must stop its upstream, and cost the gateway no memory.
func TestSlowReaderSlowsItsUpstream(t *testing.T) {
	const offered = 256 << 20
	over(t, transports, func(t *testing.T, via transport) {
		sent := make(chan int, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", offered))
			piece := randomBytes(1 << 16)
			n := 0
			for ; n < offered && !c.stalled(piece); n += len(piece) {
			}
			sent <- n
			c.ended = true
		})
		g := start(t, via, newConfig(u.base()))
		res := g.open(g.request("GET", "/api", nil))
		before := heap()
		n := <-sent
		grown := heap() - before
		if n == offered {
			t.Errorf("the upstream could send all of %d bytes to a client that reads none", n)
		}
		// The client's own buffers are in it too: HTTP/2 grants 4 MiB.
		if grown > 8<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		res.Body.Close()
	})
}

func TestSlowUpstreamSlowsTheUpload(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		let := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			<-let
			c.hangUp()
		})
		g := start(t, via, newConfig(u.base()))
		body := &countedZeros{}
		done := make(chan struct{})
		before := heap()
		go func() {
			defer close(done)
			if res, err := g.client.Do(g.request("POST", "/api", body)); err == nil {
				res.Body.Close()
			}
		}()
		body.settles(t)
		if grown := heap() - before; grown > 8<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		close(let)
		<-done
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestBodyReachesAnUpstreamAtMostOnce(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			if r.target == "/warm" {
				c.send(okAnswer)
				return
			}
			c.hangUp()
		})
		g := start(t, via, newConfig(u.base()))
		g.get("/api/warm").ok(t)
		g.outcome()
		g.post("/api/cold", "hi").refusal(t, 502, "upstream_request_failed")
		if n := len(u.requests()); n != 2 {
			t.Errorf("the upstream got %d requests, want the one GET and the one POST", n)
		}
	})
}

// An upstream may close a connection while it is idle, just as a request is on
// its way. Nobody can tell whether it ran; where that is harmless, which it is not
// certain to be of an OPTIONS, it is sent anew.
func TestSafeRequestThatMeetsSilenceOnAReusedConnectionIsSentOnceMore(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE", "POST"} {
		t.Run(method, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if r.onConn == 1 && r.target == "/again" {
						c.hangUp()
						return
					}
					c.readBody(r)
					c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				})
				g := start(t, via, newConfig(u.base()))
				g.get("/api/warm").ok(t)
				g.outcome()
				a := g.do(g.request(method, "/api/again", nil))
				again := 0
				for _, r := range u.requests() {
					if r.target == "/again" {
						again++
					}
				}
				switch safe := method == "GET" || method == "HEAD"; {
				case safe && (a.status != 200 || again != 2):
					t.Errorf("got %d after %d attempts, want 200 after 2", a.status, again)
				case !safe && (a.status != 502 || again != 1):
					t.Errorf("got %d after %d attempts, want 502 after 1", a.status, again)
				}
			})
		})
	}
}

func TestSafeRequestIsNotRepeatedOnAFreshConnection(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.hangUp() })
		g := start(t, via, newConfig(u.base()))
		g.get("/api").refusal(t, 502, "upstream_request_failed")
		u.only()
	})
}

func TestUpstreamCloseWhileIdleIsNoticed(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		hung := make(chan struct{}, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send(okAnswer)
			if r.target == "/first" {
				c.ended = true // serve closes it
				hung <- struct{}{}
			}
		})
		g := start(t, via, newConfig(u.base()))
		g.get("/api/first").ok(t)
		g.outcome()
		<-hung
		within(promptly, func() bool { u.mu.Lock(); defer u.mu.Unlock(); return len(u.conns) == 0 })
		g.post("/api/second", "hi").ok(t)
	})
}

func TestUpstreamConnectionIsKeptAlive(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		for range 5 {
			g.ask("/api")
			g.ask("/api/other")
		}
		if u.count != 1 {
			t.Errorf("10 requests took %d upstream connections", u.count)
		}
	})
}

// A body by length is whole when its last byte has come: the frame that ends
// an HTTP/2 stream may follow much later.
func TestUpstreamConnectionIsKeptAliveAfterAnUploadByLength(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		h := g.dialHTTP2()
		const uploads = 8
		for i := range uint32(uploads) {
			h.headers(2*i+1, false, ask2("POST", "/api", "authorization: Bearer "+token, "content-length: 4")...)
			h.frame(frameData, 0, 2*i+1, "body")
			h.end(2*i + 1)
			g.outcome()
		}
		// An answer that overtakes the news that all was sent costs a connection; few do.
		if u.count > uploads/2 {
			t.Errorf("%d uploads took %d upstream connections", uploads, u.count)
		}
	})
}

func TestLeftoverOfAnAnswerIsNobodysAnswer(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.target == "/first" {
				c.send(okAnswer + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
				return
			}
			c.send(okAnswer)
		})
		g := start(t, via, newConfig(u.base()))
		g.ask("/api/first")
		if a := g.get("/api/second"); a.body != `{"ok":true}` {
			t.Errorf("got %q", a.body)
		}
	})
}
