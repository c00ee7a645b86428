package server

import (
	"io"
	"testing"
)

// A read may bring chunk framing alone, with no data: those bytes are part of
// the answer like any others.
func TestChunkFramingArrivesHoweverItIsSplit(t *testing.T) {
	pieces := []string{"2", "\r", "\n", "h", "i", "\r", "\n", "10\r\n0123456789abcdef\r", "\n0", "\r\n\r", "\n"}
	over(t, http1Alone, func(t *testing.T, via transport) {
		goOn := make(chan struct{})
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for _, p := range pieces {
				<-goOn
				c.send(p)
			}
		})
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.1")
		c.head()
		for _, p := range pieces {
			goOn <- struct{}{}
			got := make([]byte, len(p))
			if _, err := io.ReadFull(c.r, got); err != nil || string(got) != p {
				t.Fatalf("got %q, %v, want %q", got, err, p)
			}
		}
	})
}
