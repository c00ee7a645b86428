package gateway

import (
	"io"
	"net"
	"testing"
	"time"

	"ai-gw-lite/internal/wire"
)

// BenchmarkRelayEvent is one event of a stream: it is written by an upstream on a
// real socket, and comes to a client in memory.
func BenchmarkRelayEvent(b *testing.B) {
	for _, row := range []struct{ name, head, event string }{
		{"framing=chunked", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", "9\r\ndata: 1\n\n\r\n"},
		{"framing=close", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", "data: 1\n\n"},
	} {
		b.Run(row.name, func(b *testing.B) {
			up, relayed := openStream(b, row.head)
			event := []byte(row.event)
			b.ReportAllocs()
			for b.Loop() {
				up.Write(event)
				if _, open := <-relayed; !open {
					b.Fatal("the stream broke off")
				}
			}
			up.Close()
			for range relayed { // its end may be a piece too
			}
		})
	}
}

// openStream has an exchange relay a stream, whose head is out. Each piece that
// the client gets is a value in relayed, which is closed when the stream is over.
func openStream(b *testing.B, head string) (up net.Conn, relayed chan struct{}) {
	upstreams, done := make(chan net.Conn, 1), make(chan struct{})
	g := newGateway(testConfig(serveOn(b, func(c net.Conn) {
		c.SetDeadline(time.Time{}) // a benchmark lasts as long as it likes
		readTo(c, "\r\n\r\n")
		io.WriteString(c, head)
		upstreams <- c
		<-done
	})), nil)
	b.Cleanup(func() { close(done) })
	relayed = make(chan struct{})
	f := newFake(b, ask)
	f.onWrite = func(*wire.Piece) {
		f.got.Reset()
		relayed <- struct{}{}
	}
	x := takeExchange(g, f)
	go func() {
		defer close(relayed)
		defer x.account()
		for _, s := range steps {
			if s.run(x) != nil {
				return
			}
		}
	}()
	<-relayed // the head
	return <-upstreams, relayed
}
