package gateway

import (
	"io"
	"net"
	"testing"

	"ai-gw-lite/internal/wire"
)

// fullRequest is what an SDK sends, with what each rule of the headers finds.
const fullRequest = "POST /api/v1/chat/completions?stream=true HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + testToken + "\r\n" +
	"Content-Type: application/json\r\nContent-Length: 100\r\nAccept: text/event-stream\r\nUser-Agent: OpenAI/Python 1.2.3\r\n" +
	"X-Stainless-Lang: python\r\nX-Stainless-Retry-Count: 0\r\nX_Api_Key: x\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n" +
	"X-Forwarded-For: 198.51.100.1\r\nX-Internal: 1\r\nX-Copy: " + testToken + "\r\nCookie: a=b\r\n"

func TestStepsUpToTheHeadAllocateNothing(t *testing.T) {
	if raceDetector {
		t.Skip("allocations cannot be counted under the race detector")
	}
	g := newGateway(testConfig("http://127.0.0.1:9"), nil)
	f := newFake(t, fullRequest)
	steps := []func(*exchange) error{
		(*exchange).match, (*exchange).checkOrigin, (*exchange).authenticate, (*exchange).limit,
		(*exchange).admit, (*exchange).rewrite, (*exchange).choose,
	}
	var err error
	allocs := testing.AllocsPerRun(1000, func() {
		x := takeExchange(g, f)
		for _, step := range steps {
			if e := step(x); e != nil {
				err = e
			}
		}
		x.out.B = x.appendHead(x.out.B)
		x.uploaded.Store(true)
		x.account()
	})
	if err != nil {
		t.Fatal(err)
	}
	if allocs != 0 {
		t.Errorf("a request costs %v allocations before it is sent, want none", allocs)
	}
}

func TestRelayingAnEventAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("allocations cannot be counted under the race detector")
	}
	for _, row := range []struct{ name, head, event string }{
		{"chunked", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", "9\r\ndata: 1\n\n\r\n"},
		{"by length", "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", "data: 1\n\n"},
		{"until close", "HTTP/1.1 200 OK\r\n\r\n", "data: 1\n\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			upstreams := make(chan net.Conn, 1)
			done := make(chan struct{})
			defer close(done)
			g := newGateway(testConfig(serveOn(t, func(c net.Conn) {
				readTo(c, "\r\n\r\n")
				io.WriteString(c, row.head)
				upstreams <- c
				<-done
			})), nil)
			f := newFake(t, ask)
			x := takeExchange(g, f)
			defer x.account()
			for _, s := range steps[:len(steps)-1] { // all but relay
				if err := s.run(x); err != nil {
					t.Fatal(s.name, err)
				}
			}
			if err := x.respond(&x.up.Head, &x.piece); err != nil {
				t.Fatal(err)
			}
			up, event := <-upstreams, []byte(row.event)
			sent := 0
			relayed := make(chan struct{})
			f.onWrite = func(p *wire.Piece) {
				sent += p.Size()
				relayed <- struct{}{}
			}
			f.got.Grow(1 << 20)
			ended := make(chan error, 1)
			go func() {
				ended <- x.relayRest()
				close(relayed)
			}()
			const events = 500
			allocs := testing.AllocsPerRun(events, func() {
				up.Write(event)
				<-relayed
			})
			up.Close()
			for range relayed {
			}
			if err := <-ended; (err == nil) != (row.name == "until close") {
				t.Errorf("a body that ended with its connection was relayed with %v", err)
			}
			if allocs != 0 {
				t.Errorf("an event costs %v allocations, want none", allocs)
			}
			if want := (events + 1) * len("data: 1\n\n"); sent != want { // AllocsPerRun warms up once
				t.Errorf("%d bytes of events were relayed, want %d", sent, want)
			}
		})
	}
}
