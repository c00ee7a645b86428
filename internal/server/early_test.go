package server

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
)

// A connection that is closed, or on which something comes, before anything was
// sent on it has failed like any other: to open one after the other would spin.
func TestFreshConnectionThatEndsAtOnceIsNotOpenedAgain(t *testing.T) {
	over(t, anyWouldDo, func(t *testing.T, via transport) {
		var dials atomic.Int32
		proxy := listen(t, func(c net.Conn) {
			dials.Add(1)
			io.ReadFull(c, make([]byte, 3))
			c.Write([]byte{5, 0})
			io.ReadFull(c, make([]byte, 10))
			c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
		})
		c := newConfig("http://127.0.0.1:9")
		c.Routes[0].Upstreams[0].RequestTimeout = time.Second
		c.Routes[0].Upstreams[0].Proxy = &config.Proxy{Protocol: "socks", Address: proxy}
		g := start(t, via, c)
		for _, method := range []string{"GET", "POST"} {
			dials.Store(0)
			g.do(g.request(method, "/api", nil)).refusal(t, 502, "upstream_request_failed")
			if n := dials.Load(); n != 1 {
				t.Errorf("%s: the upstream was dialled %d times, want once", method, n)
			}
		}
	})
}
