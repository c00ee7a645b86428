package server

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A client that floods its connection with what costs the gateway memory or
// work and itself nothing is cut off, and the others are served on. Bounding
// them is Go's part; that its server is set up so that it does is ours.
func TestHTTP2FloodsAreBounded(t *testing.T) {
	literal := func(name, value string) string { // a field that is not indexed (RFC 7541 section 6.2.2)
		return "\x00" + string(rune(len(name))) + name + "\x7f" + string([]byte{byte(len(value)-127)&0x7f | 0x80, byte((len(value) - 127) >> 7)}) + value
	}
	long := literal("x", strings.Repeat("a", 16000))
	indexed := "\x40\x01x\x7f\xd1\x1d" + strings.Repeat("a", 127+0x51+0x1d<<7) // 4048 bytes, which fill the dynamic table
	rows := []struct {
		name         string
		first, again string
		most         int // of again
	}{
		{"a head without an end", frameBytes(frameHeaders, 0, 1, "\x82\x86\x04\x04/api"), frameBytes(frameContinuation, 0, 1, long), 1000},
		{"a head that unpacks to far more than it is", frameBytes(frameHeaders, 0, 1, "\x82\x86\x04\x04/api"+indexed), frameBytes(frameContinuation, 0, 1, strings.Repeat("\xbe", 16000)), 1000},
		{"pings whose answers are not read", "", strings.Repeat(frameBytes(framePing, 0, 0, "12345678"), 1000), 2000},
		{"settings whose answers are not read", "", strings.Repeat(frameBytes(frameSettings, 0, 0, ""), 1000), 2000},
	}
	noGoroutineIsLeft(t)
	t.Run("over", func(t *testing.T) {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				g := start(t, http2Clear, newConfig(answering(t, okAnswer).base()))
				h := g.dialHTTP2()
				h.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				io.WriteString(h, row.first)
				sent := 0
				for sent < row.most {
					h.SetWriteDeadline(time.Now().Add(quietTime)) // to be read no further is as good
					if _, err := io.WriteString(h, row.again); err != nil {
						break
					}
					sent++
				}
				if sent == row.most {
					t.Errorf("it was not cut off after %d bytes", sent*len(row.again))
				}
				h.Close()
				g.get("/healthz").ok(t)
			})
		}
	})
}
