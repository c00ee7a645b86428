package server

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inMemoryHTTP2 is inMemory for a client of HTTP/2. It takes and throws away
// what the gateway sends; gone is when that ended.
func inMemoryHTTP2(t *testing.T) (client net.Conn, gone chan time.Time) {
	client, _ = inMemory(t)
	gone = make(chan time.Time, 1)
	go func() {
		io.Copy(io.Discard, client)
		gone <- time.Now()
	}()
	io.WriteString(client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frameBytes(frameSettings, 0, 0, ""))
	return client, gone
}

// A new connection owes its first head in the time that one of HTTP/1.1 has.
func TestNewHTTP2ConnectionOwesAHeadWithin15Seconds(t *testing.T) {
	for _, row := range []struct {
		name string
		sent string
	}{
		{"silent", ""},
		{"a head that has no end", frameBytes(frameHeaders, flagEndStream, 1, "\x82\x86\x04\x08/healthz")},
		{"a frame that has no end", strings.TrimSuffix(frameBytes(frameHeaders, flagEndStream|flagEndHeaders, 1, "\x82\x86\x04\x08/healthz"), "z")},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, gone := inMemoryHTTP2(t)
				began := time.Now()
				io.WriteString(client, row.sent)
				if after := (<-gone).Sub(began); after != 15*time.Second {
					t.Errorf("it ended after %v, want 15s", after)
				}
			})
		})
	}
}

func TestHTTP2ConnectionThatHasAskedIsKept90Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, gone := inMemoryHTTP2(t)
		for i := range uint32(3) {
			time.Sleep(14 * time.Second)
			io.WriteString(client, frameBytes(frameHeaders, flagEndStream|flagEndHeaders, 2*i+1, "\x82\x86\x04\x08/healthz"))
		}
		began := time.Now()
		if after := (<-gone).Sub(began); after < 90*time.Second || after > 100*time.Second {
			t.Errorf("it ended after %v, want 90s", after)
		}
	})
}

func TestNewHTTP2ConnectionOwesAHeadOverTLS(t *testing.T) {
	over(t, []transport{http2TLS}, func(t *testing.T, via transport) {
		p := usualPatience()
		p.head = 200 * time.Millisecond
		g := startPatient(t, via, newConfig(answering(t, okAnswer).base()), p)
		c, err := tls.Dial("tcp", g.addr, &tls.Config{RootCAs: testCertificate().pool, ServerName: "127.0.0.1", NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frameBytes(frameSettings, 0, 0, ""))
		c.SetReadDeadline(time.Now().Add(promptly))
		if _, err := io.ReadAll(c); isTimeout(err) {
			t.Error("a new connection may be silent for ever")
		}
	})
}
