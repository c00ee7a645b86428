package server

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
)

// slowProxy is a SOCKS5 proxy to u that lets a dial wait until it is told to go on.
func slowProxy(t *testing.T, u *scriptedUpstream) (p *config.Proxy, goOn func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gate, over := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		<-gate
		c.SetDeadline(time.Now().Add(patienceOfTests))
		io.ReadFull(c, make([]byte, 3))
		c.Write([]byte{5, 0})
		io.ReadFull(c, make([]byte, 10)) // an IPv4 address
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		to, err := net.Dial("tcp", u.listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer to.Close()
		done.Go(func() { io.Copy(to, c); to.Close() })
		done.Go(func() { io.Copy(c, to); c.Close() })
		<-over
	})
	goOn = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(func() { ln.Close(); goOn(); close(over); done.Wait() })
	return &config.Proxy{Protocol: "socks", Address: ln.Addr().String()}, goOn
}

// What is read of a body while its upstream is being reached goes out with the
// head, the rest behind it: every byte once, in order.
func TestUploadDuringASlowDialArrivesWhole(t *testing.T) {
	for _, size := range []int{100, 60 << 10, 3 << 20} {
		for _, framing := range []string{"by length", "chunked"} {
			t.Run(framing, func(t *testing.T) {
				over(t, transports, func(t *testing.T, via transport) {
					u := answering(t, okAnswer)
					c := newConfig(u.base())
					proxy, goOn := slowProxy(t, u)
					c.Routes[0].Upstreams[0].Proxy = proxy
					g := start(t, via, c)
					sent := randomBytes(size)
					body := &tellingReader{Reader: bytes.NewReader(sent), told: make(chan struct{})}
					req := g.request("POST", "/api", body)
					if framing == "by length" {
						req.ContentLength = int64(size)
					}
					go func() {
						<-body.told // the body is on its way
						waitFor(50 * time.Millisecond)
						goOn()
					}()
					g.do(req).ok(t)
					if got := u.only().body; got != string(sent) {
						t.Errorf("sent %d bytes, the upstream got %d others", len(sent), len(got))
					}
				})
			})
		}
	}
}

func TestUploadDuringASlowDialIsBounded(t *testing.T) {
	overAtOnce(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.hangUp() })
		c := newConfig(u.base())
		proxy, goOn := slowProxy(t, u)
		c.Routes[0].Upstreams[0].Proxy = proxy
		g := start(t, via, c)
		body := &countedZeros{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.try(g.request("POST", "/api", body))
		}()
		body.settles(t)
		goOn()
		<-done
	})
}

// tellingReader tells that its reading has begun.
type tellingReader struct {
	io.Reader
	once sync.Once
	told chan struct{}
}

func (r *tellingReader) Read(p []byte) (int, error) {
	r.once.Do(func() { close(r.told) })
	return r.Reader.Read(p)
}
