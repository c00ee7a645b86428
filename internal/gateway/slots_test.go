package gateway

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/wire"
)

// A client may ask again as soon as it has the last piece, before the write of it
// returns. One that does not read holds its answer up, that piece too, and with it
// both slots.
func TestSlotsAreLentWhileTheLastPieceGoesOut(t *testing.T) {
	for _, row := range []struct {
		name, method string
		answer       []string // each when the client has got what came before
		retries      bool
	}{
		{"by length, in one piece", "GET", []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"}, false},
		{"by length, in two", "GET", []string{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhi", "ho"}, false},
		{"chunked, in one piece", "GET", []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"}, false},
		{"chunked, its end apart", "GET", []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "0\r\n\r\n"}, false},
		{"a stream", "GET", []string{"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\nhi\r\n", "0\r\n\r\n"}, false},
		{"empty", "GET", []string{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, false},
		{"without a body", "GET", []string{"HTTP/1.1 204 No\r\n\r\n"}, false},
		{"to a HEAD", "HEAD", []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, false},
		{"kept, for want of a better one", "GET", []string{"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			next := make(chan bool, len(row.answer))
			c := testConfig(serveOn(t, func(c net.Conn) {
				readTo(c, "\r\n\r\n")
				for i, piece := range row.answer {
					if i > 0 {
						<-next
					}
					io.WriteString(c, piece)
				}
			}))
			if row.retries {
				c.Routes[0].Retry.MaxAttempts, c.Routes[0].Retry.On = 2, []string{"503"}
				c.Routes[0].Retry.Backoff.Initial = 1 << 50
				c.Routes[0].Retry.Backoff.Max = 1 << 50 // longer than the budget: there is no other attempt
			}
			g := newGateway(c, nil)
			f := newFake(t, strings.Replace(ask, "GET", row.method, 1))
			pieces := 0
			f.onWrite = func(p *wire.Piece) {
				pieces++
				down, up := slotsInUse(g)
				if want := int64(min(len(row.answer)-pieces, 1)); down != want || up != want {
					t.Errorf("%d downstream and %d upstream slots are held as piece %d goes out, want %d of each", down, up, pieces, want)
				}
				for end := time.Now().Add(10 * time.Second); down != 1 || up != 1; down, up = slotsInUse(g) {
					if time.Now().After(end) {
						t.Fatalf("%d downstream and %d upstream slots are held while piece %d is not taken", down, up, pieces)
					}
					runtime.Gosched()
				}
				next <- true
			}
			g.Serve(f)
			if pieces != len(row.answer) {
				t.Errorf("the answer came in %d pieces, want %d", pieces, len(row.answer))
			}
			noSlotIsHeld(t, g)
		})
	}
}
