package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/upstream"
)

func TestPatienceIsWhatClientsArePromised(t *testing.T) {
	if got, want := usualPatience(), (patience{
		handshake: 10 * time.Second,
		head:      15 * time.Second,
		idle:      90 * time.Second,
		upload:    60 * time.Second,
		write:     5 * time.Minute,
	}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if s := New(gateway.New(upstream.NewDialer(nil), nil), nil, nil); s.patience != usualPatience() {
		t.Error("New has another patience")
	} else {
		s.StartDrain()
		s.Drain(context.Background())
	}
}

// inMemory serves one connection in a bubble of fake time and gives the test
// the client's end of it.
func inMemory(t *testing.T) (client net.Conn, served chan struct{}) {
	g := gateway.New(upstream.NewDialer(nil), nil)
	snapshot, err := gateway.Compile(newConfig("http://127.0.0.1:9"))
	if err != nil {
		t.Fatal(err)
	}
	g.Use(snapshot)
	s := newServer(g, nil, nil, usualPatience())
	client, there := net.Pipe()
	served = make(chan struct{})
	go func() {
		defer close(served)
		s.serveConn(there)
	}()
	t.Cleanup(func() {
		client.Close()
		s.http2.close()
	})
	return client, served
}

// ends waits for the connection to end and returns what came until then, and
// after how long.
func ends(client net.Conn) (got string, after time.Duration) {
	began := time.Now()
	b, _ := io.ReadAll(client)
	return string(b), time.Since(began)
}

func TestSilentNewConnectionEndsAfter15Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := inMemory(t)
		if got, after := ends(client); got != "" || after != 15*time.Second {
			t.Errorf("it ended after %v with %q", after, got)
		}
	})
}

func TestHeadThatDribblesGets15SecondsFromTheOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := inMemory(t)
		began := time.Now()
		var dribble sync.WaitGroup
		dribble.Go(func() {
			io.WriteString(client, "GET /healthz HTTP/1.1\r\nHost: g\r\n")
			for {
				time.Sleep(time.Second)
				if _, err := io.WriteString(client, "X: y\r\n"); err != nil {
					return
				}
			}
		})
		defer dribble.Wait()
		defer client.Close()
		b := make([]byte, 100)
		n, _ := client.Read(b)
		if after := time.Since(began); after != 15*time.Second || !strings.HasPrefix(string(b[:n]), "HTTP/1.1 408 ") {
			t.Errorf("after %v came %q, want a 408 after 15s", after, b[:n])
		}
	})
}

func TestLaterHeadGets15SecondsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := inMemory(t)
		askHealth(t, client)
		time.Sleep(80 * time.Second) // idle, within its 90 seconds
		io.WriteString(client, "GET /healthz HTTP/1.1\r\n")
		began := time.Now()
		b := make([]byte, 100)
		n, _ := client.Read(b)
		if after := time.Since(began); after != 15*time.Second || !strings.HasPrefix(string(b[:n]), "HTTP/1.1 408 ") {
			t.Errorf("after %v came %q, want a 408 after 15s", after, b[:n])
		}
	})
}

func TestIdleConnectionEndsAfter90Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, served := inMemory(t)
		for range 3 { // each request starts the time anew
			time.Sleep(10 * time.Second)
			askHealth(t, client)
			time.Sleep(75 * time.Second)
			askHealth(t, client)
		}
		began := time.Now()
		<-served // which lingers for 2 seconds after it closed its side
		if after := time.Since(began); after != 92*time.Second {
			t.Errorf("it ended after %v", after)
		}
	})
}

func TestIdleTimeStartsBehindTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := inMemory(t)
		for range 20 { // far more than 90 seconds in all
			time.Sleep(14 * time.Second)
			askHealth(t, client)
		}
	})
}

func askHealth(t *testing.T, client net.Conn) {
	t.Helper()
	if _, err := io.WriteString(client, "GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n"); err != nil {
		t.Fatalf("the connection has ended: %v", err)
	}
	b := make([]byte, 200)
	n, err := client.Read(b)
	if err != nil || !strings.HasSuffix(string(b[:n]), `{"status":"ok"}`) {
		t.Fatalf("got %q, %v", b[:n], err)
	}
}

func TestRestOfARefusedBodyIsWaitedForBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := inMemory(t)
		io.WriteString(client, "POST /nowhere HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\n")
		b := make([]byte, 300)
		if n, err := client.Read(b); err != nil || !strings.Contains(string(b[:n]), "route_not_found") {
			t.Fatalf("got %q, %v", b[:n], err)
		}
		if _, after := ends(client); after > 10*time.Second {
			t.Errorf("it ended after %v", after)
		}
	})
}

func TestHandshakeThatStallsIsCutOff(t *testing.T) {
	over(t, []transport{overTLS}, func(t *testing.T, via transport) {
		p := usualPatience()
		p.handshake = 200 * time.Millisecond
		g := startPatient(t, via, newConfig("http://127.0.0.1:9"), p)
		c := g.dialTCP()
		c.Write([]byte("\x16\x03\x01"))
		c.SetReadDeadline(time.Now().Add(promptly))
		if _, err := io.ReadAll(c); isTimeout(err) {
			t.Error("a handshake may stall for ever")
		}
	})
}

func TestStalledUploadEndsTheExchange(t *testing.T) {
	for _, row := range []struct {
		name   string
		script func(*upstreamConn)
		status int // 0: broken off
	}{
		{"before an answer", func(c *upstreamConn) {}, 504},
		{"within a stream", func(c *upstreamConn) { c.send(eventHead); c.sendChunk("data: 1\n\n") }, 0},
	} {
		for _, length := range []int64{-1, 100} {
			t.Run(fmt.Sprintf("%s/length %d", row.name, length), func(t *testing.T) {
				overAtOnce(t, transports, func(t *testing.T, via transport) {
					u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
						r.bodyRead = true
						row.script(c)
						c.awaitClosed()
					})
					p := usualPatience()
					p.upload = 150 * time.Millisecond
					g := startPatient(t, via, oneSlot(u.base()), p)
					body := newPipe(t)
					go body.write("begin")
					req := g.request("POST", "/api", body)
					req.ContentLength = length
					res := g.open(req)
					_, err := io.ReadAll(res.Body)
					if row.status != 0 && (res.StatusCode != row.status || err != nil) || row.status == 0 && err == nil {
						t.Errorf("got %d and %v", res.StatusCode, err)
					}
					if o := g.outcome(); o.End != gateway.Timeout {
						t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
					}
				})
			})
		}
	}
}

func TestUploadThatGoesOnSlowlyIsNotStalled(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		p := usualPatience()
		p.upload = 600 * time.Millisecond
		g := startPatient(t, via, newConfig(u.base()), p)
		body := newPipe(t)
		go func() {
			for range 6 {
				body.write("x")
				waitFor(120 * time.Millisecond)
			}
			body.end()
		}()
		g.do(g.request("POST", "/api", body)).ok(t)
		if got := u.only().body; got != "xxxxxx" {
			t.Errorf("the upstream got %q", got)
		}
	})
}

// The timer of a write may come late, when that write is long over and another
// has just begun.
func TestLateTimerCutsOffNoOtherWrite(t *testing.T) {
	h := &http2{give: usualPatience()}
	h.cutOff()
	h.writing = time.Now()
	h.cutOff()
	if h.aborted.Load() {
		t.Error("a client that is in time was cut off")
	}
}

func TestClientThatTakesNothingIsCutOff(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			event := chunk(strings.Repeat("x", 1<<15))
			for !c.ended {
				c.send(event)
			}
		})
		p := usualPatience()
		p.write = 250 * time.Millisecond
		g := startPatient(t, via, newConfig(u.base()), p)
		res := g.open(g.request("GET", "/api", nil))
		if o := g.outcome(); o.End != gateway.ClientGone { // although its connection stands
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
		if _, err := io.Copy(io.Discard, res.Body); err == nil {
			t.Error("the stream ended cleanly")
		}
	})
}

// A stream may be silent for longer than a client may take nothing.
func TestSilentStreamIsNotCutOff(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			for range 2 {
				c.sendChunk("data: 1\n\n")
				waitFor(250 * time.Millisecond)
			}
			c.send(lastChunk)
		})
		p := usualPatience()
		p.write = 100 * time.Millisecond
		g := startPatient(t, via, newConfig(u.base()), p)
		if a := g.get("/api"); a.err != nil || a.body != strings.Repeat("data: 1\n\n", 2) {
			t.Errorf("got %q, %v", a.body, a.err)
		}
		if a := g.post("/api", "with a body"); a.err != nil || a.body != strings.Repeat("data: 1\n\n", 2) {
			t.Errorf("after an upload: got %q, %v", a.body, a.err)
		}
	})
}

// What a head and an idle connection are given must not run on under an answer.
func TestStreamOutlastsTheTimeForAHead(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			waitFor(900 * time.Millisecond)
			c.sendChunk("late")
			c.send(lastChunk)
		})
		p := usualPatience()
		p.head, p.idle = 600*time.Millisecond, 600*time.Millisecond
		g := startPatient(t, via, newConfig(u.base()), p)
		if a := g.get("/api"); a.body != "late" || a.err != nil {
			t.Errorf("got %q, %v", a.body, a.err)
		}
	})
}

func TestBudgetCoversAnOrdinaryAnswerToItsEnd(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			if r.target == "/silent" {
				c.awaitClosed()
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
			for !c.ended { // never idle
				c.sendChunk(" ")
				waitFor(20 * time.Millisecond)
			}
		})
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].RequestTimeout = 300 * time.Millisecond
		g := start(t, via, c)
		began := time.Now()
		g.get("/api/silent").refusal(t, 504, "upstream_timeout")
		a := g.get("/api/dribble")
		if a.status != 200 || a.err == nil {
			t.Errorf("got %d %q and %v, want it broken off", a.status, a.body, a.err)
		}
		if took := time.Since(began); took < 600*time.Millisecond {
			t.Errorf("two budgets of 300ms ran out after %v", took)
		}
		for range 2 {
			if o := g.outcome(); o.End != gateway.Timeout {
				t.Errorf("it is accounted as %s", o.End)
			}
		}
	})
}

// The exchange waits for the client then, not for the upstream.
func TestBudgetBoundsAClientThatTakesNothing(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
			for piece := randomBytes(1 << 16); !c.ended; {
				c.send(string(piece))
			}
		})
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].RequestTimeout = 500 * time.Millisecond
		g := start(t, via, c)
		res := g.open(g.request("GET", "/api", nil))
		if o := g.outcome(); o.End != gateway.Timeout {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
		if _, err := io.Copy(io.Discard, res.Body); err == nil {
			t.Error("the answer ended cleanly")
		}
	})
}

func TestGoneClientIsNoticedLongAfterItsHead(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead)
			waitFor(600 * time.Millisecond)
			c.sendChunk("data: 1\n\n")
			c.awaitClosed()
		})
		p := usualPatience()
		p.head = 400 * time.Millisecond
		g := startPatient(t, via, newConfig(u.base()), p)
		leaveStreaming(g)
		if o := g.outcome(); o.End != gateway.ClientGone {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
	})
}

func TestBudgetEndsWithTheHeadOfAStream(t *testing.T) {
	kinds := []string{
		"text/event-stream", "Text/Event-Stream; charset=utf-8", "application/x-ndjson", "application/jsonl", "application/vnd.amazon.eventstream",
	}
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 200 OK\r\nContent-Type: " + r.get("X-Kind") + "\r\nTransfer-Encoding: chunked\r\n\r\n")
			waitFor(1600 * time.Millisecond)
			c.sendChunk("late")
			c.send(lastChunk)
		})
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].RequestTimeout = time.Second
		g := start(t, via, c)
		var all sync.WaitGroup
		for _, kind := range kinds {
			all.Go(func() {
				if a, err := g.try(g.request("GET", "/api", nil, "X-Kind: "+kind)); err != nil || a.body != "late" || a.err != nil {
					t.Errorf("%s: got %v, %v", kind, a, err)
				}
			})
		}
		all.Wait()
	})
}

func TestStreamStillOwesItsHeadWithinTheBudget(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.awaitClosed() })
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].RequestTimeout = 100 * time.Millisecond
		g := start(t, via, c)
		g.get("/api", "Accept: text/event-stream").refusal(t, 504, "upstream_timeout")
	})
}

func TestBudgetBoundsABodyThatStalls(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.readBody(r) })
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].RequestTimeout = 200 * time.Millisecond
		g := start(t, via, c)
		body := newPipe(t)
		go body.write("begin")
		g.do(g.request("POST", "/api", body)).refusal(t, 504, "upstream_timeout")
	})
}

func TestConnectTimeoutIsAnUpstreamTimeout(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		c := oneSlot(u.base())
		proxy, _ := slowProxy(t, u) // covers what the outbound proxy takes
		c.Routes[0].Upstreams[0].Proxy = proxy
		c.Routes[0].Upstreams[0].ConnectTimeout = 100 * time.Millisecond
		g := start(t, via, c)
		g.get("/api").refusal(t, 504, "upstream_timeout")
		if o := g.outcome(); o.End != gateway.Timeout {
			t.Errorf("it is accounted as %s", o.End)
		}
		g.ask("/ok")
	})
}

func TestConnectionFailuresAreConnectErrors(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*testing.T, *config.Upstream)
	}{
		{"refused", func(t *testing.T, u *config.Upstream) {
			u.BaseURL = newRoute("", "", closedPort(t)).Upstreams[0].BaseURL
		}},
		{"no such name", func(t *testing.T, u *config.Upstream) { u.BaseURL.Address = "no-such-name.invalid:80" }},
		{"no TLS there", func(t *testing.T, u *config.Upstream) {
			u.BaseURL = newRoute("", "", "https://"+listen(t, func(c net.Conn) { io.WriteString(c, "220 mail\r\n") })).Upstreams[0].BaseURL
		}},
		{"proxy refused", func(t *testing.T, u *config.Upstream) {
			u.Proxy = &config.Proxy{Protocol: "http", Address: newRoute("", "", closedPort(t)).Upstreams[0].BaseURL.Address}
		}},
		{"proxy wants a login", func(t *testing.T, u *config.Upstream) {
			p := answering(t, "HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
			u.Proxy = &config.Proxy{Protocol: "http", Address: p.listener.Addr().String()}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, clearOrHTTP2, func(t *testing.T, via transport) {
				c := newConfig(answering(t, okAnswer).base())
				row.change(t, &c.Routes[0].Upstreams[0])
				g := start(t, via, c)
				g.get("/api").refusal(t, 502, "upstream_connect_error")
				if o := g.outcome(); o.Cause == nil || o.Route != "api" || o.Upstream == "" {
					t.Errorf("the log learns nothing: %+v", o)
				}
			})
		})
	}
}

func TestAnswerThatIsNoneIsARequestFailure(t *testing.T) {
	for _, row := range []struct{ name, answer string }{
		{"nothing", ""},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Type: te"},
		{"an interim answer alone", "HTTP/1.1 103 Early Hints\r\n\r\n"},
		{"another protocol", "SSH-2.0-OpenSSH\r\n"},
		{"another version", "HTTP/2.0 200 OK\r\n\r\n"},
		{"a status that is none", "HTTP/1.1 2xx OK\r\n\r\n"},
		{"a line without a colon", "HTTP/1.1 200 OK\r\nhello\r\n\r\n"},
		{"a line that ends without CR", "HTTP/1.1 200 OK\nX: y\n\n"},
		{"a folded line", "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n"},
		{"NUL in a value", "HTTP/1.1 200 OK\r\nX: y\x00z\r\n\r\n"},
		{"two framings", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"},
		{"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: three\r\n\r\nabc"},
		{"a coding that is not known", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
		{"too large a head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 256<<10) + "\r\n\r\n"},
		{"too many lines", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 1001) + "\r\n"},
		{"an unasked-for 101", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, clearOrHTTP2, func(t *testing.T, via transport) {
				ends := row.name == "nothing" || row.name == "half a head" || row.name == "an interim answer alone"
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if c.send(row.answer); ends {
						c.hangUp()
						return
					}
					c.awaitClosed() // at once: what is no answer is not waited for
				})
				g := start(t, via, newConfig(u.base()))
				g.post("/api", "once").refusal(t, 502, "upstream_request_failed")
				if o := g.outcome(); o.Cause == nil || o.Upstream != u.base() {
					t.Errorf("the log learns nothing: %+v", o)
				}
				u.only()
			})
		})
	}
}
