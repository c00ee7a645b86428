package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// upload is a request with a body of which Go's client cannot know more than
// the framing says.
func (g *rig) upload(body io.Reader, length int64) *http.Request {
	req := g.request("POST", "/api", body)
	req.ContentLength = length // -1: chunked
	return req
}

// framings are the ways in which a body says where it ends.
var framings = map[string]func(int) int64{
	"by length": func(n int) int64 { return int64(n) },
	"chunked":   func(int) int64 { return -1 },
}

func TestBodyIsRepeatedExactly(t *testing.T) {
	for framing, lengthOf := range framings {
		for _, size := range []int{1, 1000, 100_000, 3 << 20} {
			t.Run(fmt.Sprintf("%s %d", framing, size), func(t *testing.T) {
				over(t, transports, func(t *testing.T, via transport) {
					a, b, d := answering(t, answerOf(429, "")), answering(t, answerOf(503, "")), answering(t, okAnswer)
					g := start(t, via, uncooled(retrying(a.base(), b.base(), d.base())))
					sent := randomBytes(size)
					g.do(g.upload(bytes.NewReader(sent), lengthOf(size))).ok(t)
					for i, u := range []*scriptedUpstream{a, b, d} {
						r := u.only()
						if r.body != string(sent) {
							t.Errorf("sent %d bytes, upstream %d got %d others", size, i, len(r.body))
						}
						if want := a.only().all("Content-Length"); fmt.Sprint(r.all("Content-Length")) != fmt.Sprint(want) {
							t.Errorf("upstream %d got Content-Length %v, the first %v", i, r.all("Content-Length"), want)
						}
					}
					if o := g.outcome(); o.BytesIn != int64(size) {
						t.Errorf("%d bytes are said to have come in, want %d", o.BytesIn, size)
					}
				})
			})
		}
	}
}

// The first upstream refuses as soon as it has the head. What the client sends
// meanwhile and later goes to the second, in order.
func TestUploadUnderWayGoesOnElsewhere(t *testing.T) {
	for framing, lengthOf := range framings {
		for name, first := range map[string]func(*upstreamConn){
			"read on":     func(c *upstreamConn) {},
			"hung up":     (*upstreamConn).hangUp,
			"never read":  (*upstreamConn).awaitNothing,
			"said to end": func(c *upstreamConn) { c.ended = true },
		} {
			t.Run(framing+" "+name, func(t *testing.T) {
				over(t, transports, func(t *testing.T, via transport) {
					a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
						c.r.Discard(len("beginning"))
						c.send(answerOf(429, "slow down"))
						first(c)
					})
					b := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
						c.readBody(r)
						c.send(okAnswer)
					})
					g := start(t, via, uncooled(retrying(a.base(), b.base())))
					rest := randomBytes(5 << 20)
					body := newPipe(t)
					answered := g.begin(g.upload(body, lengthOf(len("beginning")+len(rest))))
					body.write("beginning")
					if !within(patienceOfTests, func() bool { return len(b.requests()) == 1 }) {
						t.Fatal("no second attempt while the upload goes on")
					}
					go func() {
						body.write(string(rest))
						body.end()
					}()
					receive(t, answered, "an answer").ok(t)
					if got := b.only().body; got != "beginning"+string(rest) {
						t.Errorf("the second upstream got %d bytes, want %d in order", len(got), len("beginning")+len(rest))
					}
				})
			})
		}
	}
}

// A client that is busy sending fills the first upstream's socket before the
// refusal is read. Here as below, who waited for the stuck upload would wait for
// the budget and its 504.
func TestUploadStuckInOneUpstreamIsFreedForTheNext(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			waitFor(quietTime) // until the socket is full
			c.send(answerOf(429, "slow down"))
			c.awaitNothing()
		})
		b := answering(t, okAnswer)
		c := uncooled(retrying(a.base(), b.base()))
		c.Routes[0].Retry.MaxReplayBody = 64 << 20
		g := start(t, via, c)
		sent := randomBytes(30 << 20)
		g.do(g.upload(bytes.NewReader(sent), int64(len(sent)))).ok(t)
		if got := b.only().body; got != string(sent) {
			t.Errorf("the second upstream got %d bytes, want %d in order", len(got), len(sent))
		}
	})
}

func TestEarlyAnswerDoesNotWaitForTheUpload(t *testing.T) {
	for _, attempts := range []int{1, 3} {
		over(t, transports, func(t *testing.T, via transport) {
			a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
				waitFor(quietTime) // until the socket is full
				c.send(answerOf(413, "too much"))
				c.awaitNothing()
			})
			c := several(a.base())
			c.Routes[0].Retry.MaxAttempts = attempts
			c.Routes[0].Retry.MaxReplayBody = 1 << 30
			g := start(t, via, c)
			got, err := g.try(g.upload(io.LimitReader(new(countedZeros), 100<<20), 100<<20))
			if err != nil || got.status != 413 || got.body != "too much" {
				t.Errorf("got %v (%v), want the 413", got, err)
			}
		})
	}
}

// A repeated body is a long one, too, and its upstream may answer unread.
func TestEarlyAnswerDoesNotWaitForTheRepeatedBody(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a := answering(t, answerOf(429, ""))
		b := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			waitFor(quietTime)
			c.send(answerOf(413, "too much"))
			c.awaitNothing()
		})
		c := uncooled(retrying(a.base(), b.base()))
		c.Routes[0].Retry.MaxReplayBody = 64 << 20
		g := start(t, via, c)
		if got := g.do(g.upload(bytes.NewReader(make([]byte, 16<<20)), 16<<20)); got.status != 413 || got.body != "too much" {
			t.Errorf("got %d %q, want the 413", got.status, got.body)
		}
	})
}

func TestBodyUpToTheCapIsRepeatedAndALargerOneIsNot(t *testing.T) {
	for framing, lengthOf := range framings {
		for _, limit := range []int{0, 1000, 200_000} {
			t.Run(fmt.Sprintf("%s %d", framing, limit), func(t *testing.T) {
				over(t, transports, func(t *testing.T, via transport) {
					a, b := answering(t, answerOf(429, "theirs", "Retry-After: 7")), answering(t, okAnswer)
					c := uncooled(retrying(a.base(), b.base()))
					c.Routes[0].Retry.MaxReplayBody = int64(limit)
					g := start(t, via, c)
					ask := func(size int) *answer {
						// In small writes: a chunk's framing is no part of the body.
						body := struct{ io.Reader }{io.LimitReader(smallReads{new(countedZeros)}, int64(size))}
						return g.do(g.upload(body, lengthOf(size)))
					}
					if limit > 0 {
						ask(limit).ok(t)
						if o := g.attempted("a status_429, b ok"); o.Note != "" {
							t.Errorf("the log says %q of a body that fits", o.Note)
						}
					}
					before := len(b.requests())
					got := ask(limit + 1)
					if got.status != 429 || got.body != "theirs" || got.header.Get("Retry-After") != "7" {
						t.Errorf("got %d %q, want the upstream's answer unchanged", got.status, got.body)
					}
					if o := g.attempted("a status_429"); !strings.Contains(o.Note, "max_replay_body_bytes") {
						t.Errorf("the log says %q, want why it was not retried", o.Note)
					}
					if len(b.requests()) != before {
						t.Error("a body that was not kept was sent again")
					}
					all := a.requests()
					if last := all[len(all)-1]; len(last.body) != limit+1 {
						t.Errorf("the upstream got %d bytes, want %d", len(last.body), limit+1)
					}
				})
			})
		}
	}
}

// smallReads brings little at a time.
type smallReads struct{ io.Reader }

func (r smallReads) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 50)]) }

func TestLargeBodyIsRetriedElsewhereIfNoneOfItWasSent(t *testing.T) {
	for framing, lengthOf := range framings {
		t.Run(framing, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				b := answering(t, okAnswer)
				c := uncooled(retrying("https://"+silent(t), closedPort(t), b.base()))
				c.Routes[0].Upstreams[0].ConnectTimeout = 100 * time.Millisecond // time for the upload to come
				c.Routes[0].Retry.MaxReplayBody = 10
				g := start(t, via, c)
				sent := randomBytes(3 << 20)
				g.do(g.upload(bytes.NewReader(sent), lengthOf(len(sent)))).ok(t)
				o := g.attempted("a timeout, b connect_error, c ok")
				if got := b.only().body; got != string(sent) || o.Note != "" {
					t.Errorf("sent %d bytes, the third upstream got %d others; the log says %q", len(sent), len(got), o.Note)
				}
			})
		})
	}
}

// Between two attempts the client sends on. What the tape has no room for waits.
func TestBodyThatOutgrowsItsTapeBetweenAttemptsLosesNothing(t *testing.T) {
	for framing, lengthOf := range framings {
		t.Run(framing, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if r.onConn == 1 {
						c.send(answerOf(429, "", "retry-after-ms: 200"))
						c.awaitNothing()
						return
					}
					c.readBody(r)
					c.send(okAnswer)
				})
				c := retrying(u.base())
				c.Routes[0].Retry.MaxReplayBody = 100_000
				g := start(t, via, c)
				sent := randomBytes(3 << 20)
				body := newPipe(t)
				answered := g.begin(g.upload(body, lengthOf(len(sent))))
				waitFor(50 * time.Millisecond) // the first attempt is over
				go func() {
					body.write(string(sent))
					body.end()
				}()
				receive(t, answered, "an answer").ok(t)
				if got := u.requests()[1].body; got != string(sent) {
					t.Errorf("sent %d bytes, the second attempt brought %d others", len(sent), len(got))
				}
			})
		})
	}
}

func TestClientThatLeavesDuringARepeatedUploadEndsIt(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		a := answering(t, answerOf(429, ""))
		arrived := make(chan bool, 1)
		b := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			arrived <- true
			c.awaitClosed()
		})
		g := start(t, via, uncooled(retrying(a.base(), b.base())))
		client := g.dial()
		client.ask("POST /api HTTP/1.1", "Content-Length: 1000000")
		client.send(strings.Repeat("x", 1_000_000))
		receive(t, arrived, "the second attempt")
		client.Close()
		g.outcome()
	})
}
