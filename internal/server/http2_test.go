package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTruncationResetsTheStreamAlone(t *testing.T) {
	over(t, http2Alone, func(t *testing.T, via transport) {
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			c.sendChunk("data: 1\n\n")
			if r.target == "/broken" {
				c.hangUp()
				return
			}
			<-goOn
			c.sendChunk("data: 2\n\n")
			c.send(lastChunk)
		})
		g := start(t, via, newConfig(u.base()))
		sibling := g.open(g.request("GET", "/api/sibling", nil))
		broken := g.open(g.request("GET", "/api/broken", nil))
		b, err := io.ReadAll(broken.Body)
		if err == nil || !strings.Contains(err.Error(), "stream error") {
			t.Errorf("the broken stream ended with %v after %q, want a reset of the stream", err, b)
		}
		close(goOn)
		if b, err := io.ReadAll(sibling.Body); string(b) != "data: 1\n\ndata: 2\n\n" || err != nil {
			t.Errorf("its sibling got %q, %v", b, err)
		}
		g.get("/healthz").ok(t)
	})
}

func TestResetOfAStreamClosesItsUpstreamAlone(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
		goOn := make(chan struct{})
		gone := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.target == "/gone" {
				c.awaitClosed()
				close(gone)
				return
			}
			<-goOn
			c.send(okAnswer)
		})
		g := start(t, via, newConfig(u.base()))
		h := g.dialHTTP2()
		auth := "authorization: Bearer " + token
		h.headers(1, true, ask2("GET", "/api/stays", auth)...)
		h.headers(3, true, ask2("GET", "/api/gone", auth)...)
		if !within(patienceOfTests, func() bool { return len(u.requests()) == 2 }) {
			t.Fatal("not all requests have arrived")
		}
		h.frame(frameReset, 0, 3, "\x00\x00\x00\x08") // CANCEL
		<-gone
		close(goOn)
		if end := h.end(1); end != "200" {
			t.Errorf("its sibling ended with %s", end)
		}
	})
}

func TestConnectionThatBreaksClosesEveryUpstream(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
		const streams = 5
		gone := make(chan struct{}, streams)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			c.awaitClosed()
			gone <- struct{}{}
		})
		g := start(t, via, newConfig(u.base()))
		h := g.dialHTTP2()
		for i := range uint32(streams) {
			h.headers(2*i+1, true, ask2("GET", "/api", "authorization: Bearer "+token)...)
		}
		if !within(patienceOfTests, func() bool { return len(u.requests()) == streams }) {
			t.Fatal("not all requests have arrived")
		}
		h.Close()
		for range streams {
			<-gone
			g.outcome()
		}
	})
}

// More streams than a connection may have, opened and reset at once, must
// neither reach the upstreams in such numbers nor end the service.
func TestRapidResetsAreBounded(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.awaitGatewayGone() })
		g := start(t, via, newConfig(u.base()))
		h := g.dialHTTP2()
		for i := range uint32(5000) {
			block := fmt.Sprintf("\x82\x86\x04\x04/api\x0f\x08%c%s", len("Bearer "+token), "Bearer "+token) // :method GET, :scheme http, :path, authorization
			frames := frameBytes(frameHeaders, flagEndHeaders|flagEndStream, 2*i+1, block) + frameBytes(frameReset, 0, 2*i+1, "\x00\x00\x00\x08")
			if _, err := io.WriteString(h.Conn, frames); err != nil {
				break // cut off: as good
			}
		}
		u.mu.Lock()
		open := len(u.conns)
		u.mu.Unlock()
		if open > 2*maxStreams {
			t.Errorf("%d upstream connections are open for a connection that may have %d streams", open, maxStreams)
		}
		h.Close()
		within(promptly, func() bool { u.mu.Lock(); defer u.mu.Unlock(); return len(u.conns) == 0 })
		g.get("/healthz").ok(t)
	})
}

func frameBytes(kind, flags byte, stream uint32, payload string) string {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return string(binary.BigEndian.AppendUint32(head, stream)) + payload
}

func TestStreamsOfOneConnectionAreServedAtOnce(t *testing.T) {
	over(t, http2Alone, func(t *testing.T, via transport) {
		const streams = 100
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			<-goOn
			c.send(okAnswer)
		})
		g := start(t, via, newConfig(u.base()))
		done := make(chan error, streams)
		for range streams {
			go func() {
				a, err := g.try(g.request("GET", "/api", nil))
				if err == nil && a.body != `{"ok":true}` {
					err = errors.New(a.body)
				}
				done <- err
			}()
		}
		if !within(patienceOfTests, func() bool { return len(u.requests()) == streams }) {
			t.Errorf("%d of %d streams reached the upstream", len(u.requests()), streams)
		}
		close(goOn)
		for range streams {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestCookieCrumbsGoUpstreamInOneLine(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) { // RFC 9113 section 8.2.3
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		h := g.dialHTTP2()
		h.headers(1, true, ask2("GET", "/api", "authorization: Bearer "+token, "cookie: a=1", "cookie: b=2")...)
		if end := h.end(1); end != "200" {
			t.Fatalf("the answer is %s", end)
		}
		if got := u.only().all("cookie"); len(got) != 1 || got[0] != "a=1; b=2" {
			t.Errorf("cookie went upstream as %q", got)
		}
	})
}

func TestAuthorityIsNotTheUpstreamsHost(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		h := g.dialHTTP2()
		h.headers(1, true, ":method: GET", ":scheme: http", ":authority: evil.example", ":path: /api", "host: other.example", "authorization: Bearer "+token)
		h.end(1)
		for _, r := range u.requests() { // refused or not
			if strings.Contains(r.head, ".example") {
				t.Errorf("went upstream as %q", r.head)
			}
		}
	})
}

// endless is an upload without an end. It counts what is taken of it.
type endless struct{ taken *atomic.Int64 }

func (e endless) Read(p []byte) (int, error) {
	e.taken.Add(int64(len(p)))
	return len(p), nil
}

// From another proxy one connection carries many clients' requests.
func TestStalledUploadsHoldUpNoOtherStream(t *testing.T) {
	over(t, http2Alone, func(t *testing.T, via transport) {
		const stalled = 8
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.target == "/held" {
				<-goOn // and takes nothing of the body
				c.hangUp()
				return
			}
			c.readBody(r)
			c.send(okAnswer)
		})
		g := start(t, via, newConfig(u.base()))
		g.get("/healthz").ok(t) // or each of the uploads would open a connection
		var uploads sync.WaitGroup
		defer uploads.Wait()
		defer close(goOn)
		var taken atomic.Int64
		for range stalled {
			req := g.request("POST", "/api/held", endless{&taken})
			uploads.Go(func() {
				if res, err := g.client.Do(req); err == nil {
					res.Body.Close()
				}
			})
		}
		if !within(patienceOfTests, func() bool { return len(u.requests()) == stalled }) {
			t.Fatal("not all requests have arrived")
		}
		small := strings.Repeat("x", 64<<10)
		for before, still := int64(-1), 0; still < 20; { // until every upload has come to rest
			a, err := g.try(g.request("POST", "/api/other", strings.NewReader(small)))
			if err != nil || a.status != 200 {
				t.Fatalf("another upload: %v, %v, after %d bytes of the others", a, err, taken.Load())
			}
			now := taken.Load()
			if still++; now != before {
				before, still = now, 0
			}
		}
	})
}

// The bounds are HTTP/1.1's. Go's own would break the connection off at the
// first one, and let the other pass.
func TestHeadTooLargeOverHTTP2GetsABare431(t *testing.T) {
	many := make([]string, 1000)
	for i := range many {
		many[i] = "x-many: " + strconv.Itoa(i)
	}
	for _, row := range []struct {
		name   string
		lines  []string
		status int
	}{
		{"one long line", []string{"x-long: " + strings.Repeat("a", 64<<10)}, 431},
		{"many lines", many, 431}, // the token's is one more
		{"long and within bounds", []string{"x-long: " + strings.Repeat("a", 63<<10)}, 200},
		{"many and within bounds", many[1:], 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http2Alone, func(t *testing.T, via transport) {
				g := start(t, via, newConfig(answering(t, okAnswer).base()))
				a := g.get("/api", row.lines...)
				if a.status != row.status {
					t.Errorf("got %d, want %d", a.status, row.status)
				}
				if a.status == 431 && (a.body != "" || a.header.Get("Content-Type") != "") {
					t.Errorf("it is not bare: %q, %v", a.body, a.header)
				}
				g.get("/healthz").ok(t)
			})
		})
	}
}

func TestPriorKnowledgeIsServedWhereverThePrefaceIsCut(t *testing.T) {
	over(t, []transport{http2Clear}, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
		for _, cut := range []int{1, 3, 14, 16, 17, 18, 23} {
			c := g.dial()
			c.send(preface[:cut])
			waitFor(5 * time.Millisecond) // so that it is read apart
			c.send(preface[cut:])
			h := &rawHTTP2{c.Conn, t, c.r}
			h.frame(frameSettings, 0, 0, "")
			h.headers(1, true, ask2("GET", "/healthz")...)
			if end := h.end(1); end != "200" {
				t.Errorf("cut after %d bytes: %s", cut, end)
			}
			c.Close()
		}
	})
}

func TestPriorKnowledgeIsNotOfferedInsideHTTP11(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.1")
		c.answer("GET").ok(t)
		c.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		if h := c.head(); strings.HasPrefix(h, "HTTP/1.1 2") {
			t.Errorf("got %q", h)
		}
	})
}
