package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// RFC 6455 section 1.3's own example.
const (
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
	wsOpen   = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + wsAccept + "\r\n\r\n"
)

// handshake sends a WebSocket handshake and whatever comes right behind it.
func (c *rawClient) handshake(target, behind string, lines ...string) {
	c.t.Helper()
	c.ask(append([]string{"GET " + target + " HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: " + wsKey,
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: realtime"}, lines...)...)
	c.trySend(behind)
}

// opened fails the test unless the tunnel has opened.
func (c *rawClient) opened() {
	c.t.Helper()
	if h := c.head(); !strings.HasPrefix(h, "HTTP/1.1 101 ") {
		c.t.Fatalf("got %q, want a 101", h)
	}
}

// echoing is an upstream that accepts handshakes and echoes what comes, in
// upper case so that an echo is not mistaken for what was sent.
func echoing(t *testing.T) *scriptedUpstream {
	return newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		if !r.has("Upgrade") {
			c.send(okAnswer)
			return
		}
		c.ended = true
		c.send(wsOpen)
		b := make([]byte, 1000)
		for {
			n, err := c.r.Read(b)
			if err != nil {
				return
			}
			io.WriteString(c.Conn, strings.ToUpper(string(b[:n])))
		}
	})
}

func (c *rawClient) expect(want string) {
	c.t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c.r, b); err != nil || string(b) != want {
		c.t.Fatalf("got %q, %v, want %q", b, err, want)
	}
}

func TestWebSocketIsTunnelledBothWays(t *testing.T) {
	overAtOnce(t, http1Alone, func(t *testing.T, via transport) {
		u := echoing(t)
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].RequestTimeout = 500 * time.Millisecond // ends with the head
		g := start(t, via, c)
		conn := g.dial()
		conn.handshake("/api/realtime?model=m", "")
		if h := conn.head(); h != "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: "+wsAccept+"\r\nConnection: Upgrade\r\nUpgrade: websocket" {
			t.Fatalf("got %q", h)
		}
		for i := range 5 {
			conn.send(fmt.Sprintf("frame %d", i))
			conn.expect(fmt.Sprintf("FRAME %d", i))
			waitFor(150 * time.Millisecond)
		}
		r := u.only()
		if r.target != "/realtime?model=m" || r.get("Authorization") != providerKey || r.get("Upgrade") != "websocket" || r.get("Connection") != "Upgrade" ||
			r.get("Sec-WebSocket-Key") != wsKey || r.get("Sec-WebSocket-Version") != "13" || r.get("Sec-WebSocket-Protocol") != "realtime" {
			t.Errorf("the handshake went upstream as %q", r.head)
		}
		conn.Close()
		if o := g.outcome(); o.Status != 101 || o.BytesIn != 35 || o.BytesOut != 35 {
			t.Errorf("it is accounted as %d with %d bytes in and %d out", o.Status, o.BytesIn, o.BytesOut)
		}
	})
}

func TestFramesRightBehindTheHandshakePass(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(echoing(t).base()))
		conn := g.dial()
		conn.handshake("/api", "eager")
		conn.opened()
		conn.expect("EAGER")
	})
}

func TestFrameRightBehindThe101Passes(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(wsOpen + "hello")
			c.awaitGatewayGone()
		})
		g := start(t, via, newConfig(u.base()))
		conn := g.dial()
		conn.handshake("/api", "")
		conn.opened()
		conn.expect("hello")
	})
}

func TestTunnelEndsWhenEitherSideCloses(t *testing.T) {
	for who, want := range map[string]gateway.End{
		"client closes": gateway.Complete, "client resets": gateway.ClientGone,
		"upstream closes": gateway.Complete, "upstream resets": gateway.UpstreamBroken,
	} {
		t.Run(who, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				end := make(chan struct{})
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					if !r.has("Upgrade") {
						c.send(okAnswer)
						return
					}
					c.send(wsOpen)
					switch who {
					case "upstream closes":
						<-end
						c.hangUp()
					case "upstream resets":
						<-end
						c.reset()
					default:
						c.awaitClosed()
					}
				})
				g := start(t, via, oneSlot(u.base()))
				conn := g.dial()
				conn.handshake("/api", "")
				conn.opened()
				other := g.dial() // the slots are held while the tunnel is open
				other.ask("GET /api HTTP/1.1")
				other.answer("GET").refusal(t, 503, "downstream_concurrency_exceeded")
				g.outcome()
				switch close(end); who {
				case "client closes":
					conn.Close()
				case "client resets":
					conn.reset()
				default:
					if _, err := conn.rest(); (err == nil) != (want == gateway.Complete) {
						t.Errorf("the client sees it end with %v", err)
					}
				}
				if o := g.outcome(); o.End != want {
					t.Errorf("it ended as %q, want %q", o.End, want)
				}
				other.ask("GET /api HTTP/1.1")
				other.answer("GET").ok(t)
			})
		})
	}
}

// A tunnel to an upstream that did not accept the handshake would be a way
// past the gateway for requests of the client's own making.
func TestTunnelOpensOnlyOnAnAcceptedHandshake(t *testing.T) {
	for _, row := range []struct{ name, answer string }{
		{"wrong accept", strings.Replace(wsOpen, wsAccept, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1)},
		{"no accept", strings.Replace(wsOpen, "Sec-WebSocket-Accept: "+wsAccept+"\r\n", "", 1)},
		{"another protocol", strings.Replace(wsOpen, "Upgrade: websocket", "Upgrade: h2c", 1)},
		{"no upgrade", strings.Replace(wsOpen, "Upgrade: websocket\r\n", "", 1)},
		{"another protocol beside it", strings.Replace(wsOpen, "Upgrade: websocket", "Upgrade: websocket, h2c", 1)},
		{"another protocol on a line of its own", strings.Replace(wsOpen, "Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: h2c", 1)},
		{"two accepts", strings.Replace(wsOpen, "Sec-", "Sec-WebSocket-Accept: "+wsAccept+"\r\nSec-WebSocket-Accept: x\r\nSec-", 1)},
		{"no connection option", strings.Replace(wsOpen, "Connection: Upgrade\r\n", "", 1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.send(row.answer)
					c.awaitClosed()
				})
				g := start(t, via, newConfig(u.base()))
				conn := g.dial()
				conn.handshake("/api", "")
				conn.answer("GET").refusal(t, 502, "upstream_request_failed")
			})
		})
	}
}

// What a 101 says of this hop ends here, and a length it has none of (RFC 9110
// section 8.6): one who believed it would take frames for a body.
func TestHeadOfATunnelIsAsAnyOther(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 101 On We Go\r\nupgrade: WebSocket\r\nconnection: UPGRADE, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n" +
				"Sec-WebSocket-Accept: " + wsAccept + "\r\nSec-WebSocket-Protocol: realtime\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\nhello")
			c.awaitGatewayGone()
		})
		g := start(t, via, newConfig(u.base()))
		conn := g.dial()
		conn.handshake("/api", "")
		if got, want := conn.head(), "HTTP/1.1 101 On We Go\r\nSec-WebSocket-Accept: "+wsAccept+"\r\nSec-WebSocket-Protocol: realtime\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nConnection: Upgrade\r\nUpgrade: websocket"; got != want {
			t.Errorf("got %q\nwant %q", got, want)
		}
		conn.expect("hello")
	})
}

func TestUpstreamMayRefuseAHandshake(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").base()))
		conn := g.dial()
		for range 2 {
			conn.handshake("/api", "")
			if a := conn.answer("GET"); a.status != 403 || a.body != "no" {
				t.Errorf("got %d %q", a.status, a.body)
			}
		}
	})
}

func TestHandshakeGoesThroughTheSteps(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := echoing(t)
		c := newConfig(u.base())
		c.RateLimit.PerMinute = 1
		c.Routes[0].Upstreams[0].InjectHeaders = append(c.Routes[0].Upstreams[0].InjectHeaders, config.Header{Name: "x-extra", Value: "1"})
		g := start(t, via, c)
		conn := g.dial()
		conn.send("GET /api HTTP/1.1\r\nHost: g\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: " + wsKey + "\r\n\r\n")
		conn.answer("GET").refusal(t, 401, "unauthorized")
		conn.handshake("/api", "")
		conn.opened()
		other := g.dial()
		other.handshake("/api", "")
		other.answer("GET").refusal(t, 429, "rate_limited")
	})
}

func TestHandshakeOwesItsHeadWithinTheBudget(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.awaitClosed() })
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].RequestTimeout = 100 * time.Millisecond
		g := start(t, via, c)
		conn := g.dial()
		conn.handshake("/api", "")
		conn.answer("GET").refusal(t, 504, "upstream_timeout")
	})
}

func TestOtherUpgradesAreDropped(t *testing.T) {
	for _, lines := range []string{
		"GET /api HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade",
		"GET /api HTTP/1.1\r\nUpgrade: foo\r\nConnection: Upgrade",
		"GET /api HTTP/1.1\r\nUpgrade: websocket", // not asked of this hop
		"GET /api HTTP/1.1\r\nConnection: Upgrade",
		"PUT /api HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0",
	} {
		t.Run(lines, func(t *testing.T) {
			over(t, http1Alone, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := start(t, via, newConfig(u.base()))
				conn := g.dial()
				conn.ask(lines)
				conn.answer("GET").ok(t)
				if r := u.only(); r.has("Upgrade") || r.has("Connection") {
					t.Errorf("went upstream as %q", r.head)
				}
			})
		})
	}
}

func TestTunnelPassesMuchBothWays(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		const size = 4 << 20
		up, down := randomBytes(size), randomBytes(size)
		got := make(chan string, 1)
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(wsOpen)
			go c.send(string(down))
			b := make([]byte, size)
			io.ReadFull(c.r, b)
			got <- string(b)
			c.awaitGatewayGone()
		})
		g := start(t, via, newConfig(u.base()))
		conn := g.dial()
		conn.handshake("/api", "")
		conn.opened()
		go conn.trySend(string(up))
		conn.expect(string(down))
		if <-got != string(up) {
			t.Error("the upstream got other bytes")
		}
		conn.Close()
		if o := g.outcome(); o.End != gateway.Complete {
			t.Errorf("it is accounted as %s", o.End)
		}
	})
}

// What the upstream says last must not be lost to the reset that meets a client
// which is still speaking when its connection is closed.
func TestLastWordsOfATunnelReachAClientThatSpeaksOn(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		last := string(randomBytes(512 << 10))
		stopped, ended := make(chan struct{}), make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.ended = true
			c.send(wsOpen)
			<-stopped // it takes nothing, and has the gateway hold what comes
			c.send(last)
			c.Conn.(*net.TCPConn).CloseWrite()
			<-ended
		})
		g := start(t, via, newConfig(u.base()))
		conn := g.dial()
		conn.handshake("/api", "")
		conn.opened()
		for conn.SetWriteDeadline(time.Now().Add(quietTime)) == nil {
			if _, err := conn.Write(make([]byte, 64<<10)); err != nil {
				break
			}
		}
		close(stopped)
		waitFor(quietTime)
		if rest, err := conn.rest(); rest != last || err != nil {
			t.Errorf("got %d bytes of %d, then %v", len(rest), len(last), err)
		}
		close(ended)
		conn.Close()
		g.outcome()
	})
}

// stream_idle_timeout_ms counts silence on both sides of a tunnel.
func TestSilentTunnelIsEndedAndATalkingOneIsNot(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := echoing(t)
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].StreamIdleTimeout = 500 * time.Millisecond
		g := start(t, via, c)
		k := g.dial()
		k.handshake("/api", "")
		k.opened()
		for range 6 { // longer than the timeout, in all
			waitFor(150 * time.Millisecond)
			k.send("ping")
			got := make([]byte, 4)
			if _, err := io.ReadFull(k.r, got); err != nil || string(got) != "PING" {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		if rest, _ := k.rest(); rest != "" {
			t.Errorf("after the silence came %q", rest)
		}
		if o := g.outcome(); o.End != gateway.Idle {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
	})
}

// A client that is slow to take what there is for it is no silent tunnel.
func TestTunnelWithASlowReaderIsNotSilent(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		const idle = 600 * time.Millisecond
		down := string(randomBytes(24 << 20)) // more than all buffers on the way hold
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(wsOpen)
			c.send(down)
			c.awaitGatewayGone()
		})
		cfg := newConfig(u.base())
		cfg.Routes[0].Upstreams[0].StreamIdleTimeout = idle
		g := start(t, via, cfg)
		c := g.dial()
		c.handshake("/api", "")
		c.opened()
		waitFor(2 * idle)
		got := make([]byte, len(down))
		if n, err := io.ReadFull(c.r, got); err != nil || string(got) != down {
			t.Errorf("got %d bytes of %d, %v", n, len(down), err)
		}
		c.rest()
		if o := g.outcome(); o.End != gateway.Idle {
			t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
		}
	})
}
