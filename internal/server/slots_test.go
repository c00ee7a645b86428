package server

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// oneSlot caps what is in flight at one, on both sides.
func oneSlot(base string) *config.Config {
	c := newConfig(base)
	c.Concurrency.DownstreamMaxInflight = 1
	c.Concurrency.UpstreamPerKeyMaxInflight = 1
	c.Routes = append(c.Routes, newRoute("ok", "/ok", base)) // has an upstream slot of its own
	return c
}

func TestSlotIsHeldUntilTheBodyEnds(t *testing.T) {
	for _, row := range []struct {
		name, code string
		cap        func(*config.Config)
	}{
		{"downstream", "downstream_concurrency_exceeded", func(c *config.Config) { c.Concurrency.DownstreamMaxInflight = 1 }},
		{"upstream", "upstream_concurrency_exceeded", func(c *config.Config) { c.Concurrency.UpstreamPerKeyMaxInflight = 1 }},
		{"upstream, of the route", "upstream_concurrency_exceeded", func(c *config.Config) {
			c.Concurrency.UpstreamPerKeyMaxInflight = 100
			c.Routes[0].Upstreams[0].KeyMaxInflight = 1
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				goOn := make(chan struct{})
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if r.target != "/held" {
						c.send(okAnswer)
						return
					}
					c.send(eventHead)
					c.sendChunk("data: 1\n\n")
					<-goOn
					c.send(lastChunk)
				})
				conf := newConfig(u.base())
				row.cap(conf)
				g := start(t, via, conf)
				res := g.open(g.request("GET", "/api/held", nil))
				for range 3 { // the head is out, the body is not
					g.get("/api/other").refusal(t, 503, row.code)
					if o := g.outcome(); o.Cause == nil { // the log has a line for each 5xx
						t.Error("the outcome does not say why")
					}
				}
				close(goOn)
				if _, err := io.ReadAll(res.Body); err != nil {
					t.Fatal(err)
				}
				g.outcome()
				g.ask("/api/other")
			})
		})
	}
}

func TestRefusedRequestHoldsNoSlot(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		c := oneSlot(answering(t, okAnswer).base())
		c.RateLimit.PerMinute = 1
		g := start(t, via, c)
		g.ask("/api")
		g.get("/api").refusal(t, 429, "rate_limited")
		g.get("/api", "Authorization:").refusal(t, 401, "unauthorized")
		g.get("/nowhere").refusal(t, 404, "route_not_found")
		g.get("/api/..").refusal(t, 400, "invalid_path")
		for range 4 {
			g.outcome()
		}
		g.ask("/ok")
	})
}

// The downstream slot is taken before the upstream slot is refused.
func TestDownstreamSlotIsReleasedWhenTheUpstreamSlotIsRefused(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := holdingOn(t, "/held")
		c := oneSlot(u.base())
		c.Concurrency.DownstreamMaxInflight = 2
		g := start(t, via, c)
		g.open(g.request("GET", "/api/held", nil))
		for range 3 {
			g.get("/api").refusal(t, 503, "upstream_concurrency_exceeded")
			g.outcome()
		}
		g.ask("/ok")
	})
}

// holdingOn is an upstream that begins a stream without end for one target and
// answers every other.
func holdingOn(t *testing.T, target string) *scriptedUpstream {
	return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		if r.target != target {
			c.readBody(r)
			c.send(okAnswer)
			return
		}
		c.send(eventHead)
		c.sendChunk("data: first\n\n")
		c.awaitGatewayGone()
	})
}

// wayOut is one way in which an exchange can end.
type wayOut struct {
	name string
	// script answers what goes to /out.
	script func(c *upstreamConn, r *upstreamRequest)
	// leave sends a request to /api/out and goes on until it is over for the client.
	leave func(g *rig)
	end   gateway.End
	// change alters the configuration, if there is anything to alter.
	change func(*testing.T, *config.Config)
}

var waysOut = []wayOut{
	{"complete", answerWhole, askOut, gateway.Complete, nil},
	{"the upstream resets before the head", (*upstreamConn).resetNow, askOut, gateway.UpstreamBroken, nil},
	{"the upstream closes before the head", (*upstreamConn).hangUpNow, askOut, gateway.UpstreamBroken, nil},
	{"the upstream resets after the head", thenReset, askOut, gateway.UpstreamBroken, nil},
	{"the upstream truncates", thenHangUp, askOut, gateway.UpstreamBroken, nil},
	{"the upstream answers garbage", func(c *upstreamConn, r *upstreamRequest) { c.send("SSH-2.0-OpenSSH\r\n\r\n"); c.awaitClosed() }, askOut, gateway.UpstreamBroken, nil},
	{"the upstream answers 101 unasked", func(c *upstreamConn, r *upstreamRequest) {
		c.send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
		c.awaitClosed()
	}, askOut, gateway.UpstreamBroken, nil},
	{"the upstream answers garbage without an end", func(c *upstreamConn, r *upstreamRequest) { c.send("SSH-2.0-OpenSSH\r\n"); c.awaitClosed() }, askOut, gateway.UpstreamBroken, nil},
	{"the body turns into garbage", func(c *upstreamConn, r *upstreamRequest) { c.send(eventHead + "zz\r\n"); c.awaitClosed() }, askOut, gateway.UpstreamBroken, nil},
	{"the budget runs out before the head", func(c *upstreamConn, r *upstreamRequest) { c.awaitClosed() }, askOut, gateway.Timeout, shortBudget},
	{"the budget runs out after the head", func(c *upstreamConn, r *upstreamRequest) {
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
		c.awaitClosed()
	}, askOut, gateway.Timeout, shortBudget},
	{"nobody listens at the upstream", nil, askOut, gateway.UpstreamBroken, func(t *testing.T, c *config.Config) {
		c.Routes[0].Upstreams[0].BaseURL = newRoute("", "", closedPort(t)).Upstreams[0].BaseURL
	}},
	{"the client closes while waiting", func(c *upstreamConn, r *upstreamRequest) { c.awaitClosed() }, leaveWaiting, gateway.ClientGone, nil},
	{"the client closes while streaming", func(c *upstreamConn, r *upstreamRequest) {
		c.send(eventHead)
		c.sendChunk("data: 1\n\n")
		c.awaitClosed()
	}, leaveStreaming, gateway.ClientGone, nil},
	{"the client closes while it is flooded", func(c *upstreamConn, r *upstreamRequest) {
		c.send(eventHead)
		for !c.ended {
			c.sendChunk("data: 1\n\n")
		}
	}, leaveStreaming, gateway.ClientGone, nil},
	{"the client closes while uploading", func(c *upstreamConn, r *upstreamRequest) { c.awaitClosed() }, leaveUploading, gateway.ClientGone, nil},
}

func answerWhole(c *upstreamConn, r *upstreamRequest) { c.send(okAnswer) }
func thenReset(c *upstreamConn, r *upstreamRequest)   { c.send(eventHead); c.sendChunk("x"); c.reset() }
func thenHangUp(c *upstreamConn, r *upstreamRequest)  { c.send(eventHead); c.sendChunk("x"); c.hangUp() }
func (c *upstreamConn) resetNow(*upstreamRequest)     { c.reset() }
func (c *upstreamConn) hangUpNow(*upstreamRequest)    { c.hangUp() }
func askOut(g *rig)                                   { g.try(g.request("GET", "/api/out", nil)) }
func shortBudget(_ *testing.T, c *config.Config) {
	c.Routes[0].Upstreams[0].RequestTimeout = 100 * time.Millisecond
}

// leaveWaiting cancels once the upstream has the request.
func leaveWaiting(g *rig) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		within(patienceOfTests, func() bool { return len(g.upstream.requests()) > 0 })
		cancel()
	}()
	if res, err := g.client.Do(g.request("GET", "/api/out", nil).WithContext(ctx)); err == nil {
		res.Body.Close()
		g.t.Error("there was an answer")
	}
}

// leaveStreaming cancels once the first event is here.
func leaveStreaming(g *rig) {
	res := g.open(g.request("GET", "/api/out", nil))
	if _, err := io.ReadFull(res.Body, make([]byte, len("data: 1\n\n"))); err != nil {
		g.t.Error(err)
	}
	res.Body.Close()
}

// leaveUploading cancels once the upstream has a part of the body.
func leaveUploading(g *rig) {
	ctx, cancel := context.WithCancel(context.Background())
	body := newPipe(g.t)
	go func() {
		body.write("begin")
		within(patienceOfTests, func() bool { return len(g.upstream.requests()) > 0 })
		cancel()
		body.abandon()
	}()
	if res, err := g.client.Do(g.request("POST", "/api/out", body).WithContext(ctx)); err == nil {
		res.Body.Close()
		g.t.Error("there was an answer")
	}
}

func TestEveryWayOutGivesTheSlotsBack(t *testing.T) {
	for _, w := range waysOut {
		t.Run(w.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if r.target != "/out" {
						c.send(okAnswer)
						return
					}
					r.bodyRead = true
					w.script(c, r)
				})
				c := oneSlot(u.base())
				if w.change != nil {
					w.change(t, c)
				}
				g := start(t, via, c)
				g.upstream = u
				w.leave(g)
				if o := g.outcome(); o.End != w.end {
					t.Errorf("it is accounted as %s (%v), want %s", o.End, o.Cause, w.end)
				}
				g.ask("/ok") // the downstream slot
				if c.Routes[0].Upstreams[0].BaseURL.Address == u.listener.Addr().String() {
					g.ask("/api/ok") // and the upstream slot
				}
			})
		})
	}
}

// panicking is an observer with a defect.
type panicking struct{ blind }

func (panicking) End(*gateway.Outcome) { panic("a defect of an observer's") }

func TestPanicOfAnObserverLosesNothing(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, oneSlot(u.base()), panicking{})
		for range 3 {
			g.ask("/api")
			g.get("/nowhere").refusal(t, 404, "route_not_found")
			g.outcome()
		}
		if !within(promptly, func() bool { return strings.Count(g.log.String(), "panic (string)") == 6 }) {
			t.Errorf("the log tells of other defects than the six: %q", g.log.String())
		}
	})
}

// dialsInVain is a configuration with one slot and an outbound proxy that
// accepts a connection and says nothing: dialled is closed when it has come,
// closed when it is given up, which must be promptly.
func dialsInVain(t *testing.T) (c *config.Config, dialled, closed chan struct{}) {
	dialled, closed = make(chan struct{}), make(chan struct{})
	addr := listen(t, func(c net.Conn) {
		defer close(closed)
		close(dialled)
		c.SetReadDeadline(time.Now().Add(promptly))
		if _, err := io.Copy(io.Discard, c); isTimeout(err) {
			t.Errorf("the dial went on for %v", promptly)
		}
	})
	c = oneSlot("http://127.0.0.1:9")
	c.Routes[0].Upstreams[0].Proxy = &config.Proxy{Protocol: "socks", Address: addr}
	return c, dialled, closed
}

func TestGoneClientClosesTheUpstreamDuringADial(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				c, dialled, closed := dialsInVain(t)
				g := start(t, via, c)
				ctx, cancel := context.WithCancel(context.Background())
				req := g.request(method, "/api", nil)
				go func() {
					<-dialled
					cancel()
				}()
				if method == "POST" {
					body := newPipe(t)
					req.Body = body
					go func() {
						body.write("begin")
						<-ctx.Done()
						body.abandon()
					}()
				}
				if res, err := g.client.Do(req.WithContext(ctx)); err == nil {
					res.Body.Close()
					t.Error("there was an answer")
				}
				<-closed
				if o := g.outcome(); o.End != gateway.ClientGone {
					t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
				}
			})
		})
	}
}

func TestResetOfTheClientClosesTheUpstream(t *testing.T) {
	for _, row := range []struct {
		name, request string
		script        func(*upstreamConn)
	}{
		{"while waiting", "GET /api HTTP/1.1", func(c *upstreamConn) {}},
		{"while streaming in silence", "GET /api HTTP/1.1", func(c *upstreamConn) { c.send(eventHead) }},
		{"while uploading", "POST /api HTTP/1.1\r\nContent-Length: 100", func(c *upstreamConn) {}},
		{"while uploading chunks", "POST /api HTTP/1.1\r\nTransfer-Encoding: chunked", func(c *upstreamConn) {}},
		{"while uploading and streaming", "POST /api HTTP/1.1\r\nContent-Length: 100", func(c *upstreamConn) { c.send(eventHead) }},
	} {
		for _, how := range []string{"closes", "resets"} {
			t.Run(row.name+"/"+how, func(t *testing.T) {
				over(t, http1Alone, func(t *testing.T, via transport) {
					here := make(chan struct{})
					u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
						row.script(c)
						close(here)
						r.bodyRead = true
						c.awaitClosed()
					})
					g := start(t, via, oneSlot(u.base()))
					c := g.dial()
					c.ask(row.request)
					<-here
					if how == "resets" {
						c.reset()
					} else {
						c.Close()
					}
					if o := g.outcome(); o.End != gateway.ClientGone {
						t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
					}
				})
			})
		}
	}
}

// Over HTTP/1.1 the news would be stuck behind the body itself.
func TestResetOfAStreamIsNoticedWhileItsUploadIsStuck(t *testing.T) {
	for _, row := range []struct{ name, answer string }{{"before an answer", ""}, {"within a stream", eventHead}} {
		t.Run(row.name, func(t *testing.T) {
			overAtOnce(t, http2Alone, func(t *testing.T, via transport) {
				gone := make(chan struct{})
				defer close(gone)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.send(row.answer)
					r.bodyRead = true
					<-gone // reads nothing until then
					c.awaitClosed()
				})
				g := start(t, via, oneSlot(u.base()))
				ctx, cancel := context.WithCancel(context.Background())
				body := &countedZeros{}
				go func() {
					body.settles(t)
					cancel()
				}()
				if res, err := g.client.Do(g.request("POST", "/api", body).WithContext(ctx)); err == nil {
					<-ctx.Done()
					res.Body.Close()
				}
				if o := g.outcome(); o.End != gateway.ClientGone {
					t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
				}
			})
		})
	}
}
