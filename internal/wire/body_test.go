package wire

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// readBody reads a body to its end.
func readBody(c *Conn) (string, error) {
	var data strings.Builder
	for !c.BodyDone() {
		p, err := c.Next()
		for _, d := range p.Data {
			data.Write(d)
		}
		if err != nil {
			return data.String(), err
		}
		if p.Last != c.BodyDone() {
			return data.String(), fmt.Errorf("a piece with Last %v, body done %v", p.Last, c.BodyDone())
		}
	}
	return data.String(), nil
}

func TestBodyIsReadToItsEndOverASocket(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	for _, c := range []struct {
		name    string
		framing Framing
		length  int64
		sent    string
		want    string
	}{
		{"none", NoBody, 0, "", ""},
		{"no bytes by length", ByLength, 0, "", ""},
		{"by length", ByLength, 5, "hello", "hello"},
		{"long by length", ByLength, int64(len(long)), long, long},
		{"no chunks", ByChunks, 0, "0\r\n\r\n", ""},
		{"by chunks", ByChunks, 0, "5;x\r\nhello\r\n0\r\nT: v\r\n\r\n", "hello"},
		{"long by chunks", ByChunks, 0, strings.Repeat("a;x\r\n0123456789\r\n", 20_000) + "0\r\n\r\n", long},
		{"one long chunk", ByChunks, 0, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(long), long), long},
		{"until close", UntilClose, 0, "hello", "hello"},
		{"nothing until close", UntilClose, 0, "", ""},
		{"long until close", UntilClose, 0, long, long},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, peer net.Conn, conn *Conn) {
				go func() {
					send(t, peer, plainHead+c.sent)
					if c.framing == UntilClose {
						peer.(interface{ CloseWrite() error }).CloseWrite()
					} else {
						send(t, peer, plainHead)
					}
				}()
				if _, err := nextHead(conn, MaxRequestHead); err != nil {
					t.Fatal(err)
				}
				conn.ExpectBody(c.framing, c.length)
				got, err := readBody(conn)
				if err != nil || got != c.want {
					t.Fatalf("%d bytes, error %v; want %d bytes", len(got), err, len(c.want))
				}
				if p, err := conn.Next(); err != io.EOF || p.Size() != 0 {
					t.Errorf("behind the end: %v, error %v", p, err)
				}
				if c.framing == UntilClose {
					return
				}
				if head, err := nextHead(conn, MaxRequestHead); err != nil || string(head) != plainHead {
					t.Errorf("the next head is %q, error %v", head, err)
				}
			})
		})
	}
}

func TestBodyThatBreaksOffIsNeverAtItsEnd(t *testing.T) {
	for _, c := range []struct {
		name    string
		framing Framing
		sent    string
		want    string
	}{
		{"by length", ByLength, "hell", "hell"},
		{"nothing by length", ByLength, "", ""},
		{"nothing by chunks", ByChunks, "", ""},
		{"in a size", ByChunks, "5", ""},
		{"in a chunk", ByChunks, "5\r\nhell", "hell"},
		{"behind a chunk", ByChunks, "5\r\nhello\r\n", "hello"},
		{"in the last chunk", ByChunks, "5\r\nhello\r\n0\r\n", "hello"},
		{"in a trailer", ByChunks, "5\r\nhello\r\n0\r\nT: v\r\n", "hello"},
		{"one byte short", ByChunks, "5\r\nhello\r\n0\r\n\r", "hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, peer net.Conn, conn *Conn) {
				send(t, peer, c.sent)
				peer.Close()
				conn.ExpectBody(c.framing, 5)
				got, err := readBody(conn)
				if err != io.ErrUnexpectedEOF || got != c.want || conn.BodyDone() {
					t.Errorf("%q, error %v, done %v", got, err, conn.BodyDone())
				}
			})
		})
	}
}

func TestResetIsNoEndOfABodyUntilClose(t *testing.T) {
	peer, conn := plainPair(t)
	send(t, peer, "hello")
	conn.ExpectBody(UntilClose, 0)
	if p, err := conn.Next(); err != nil || p.Last || p.Size() != 5 {
		t.Fatalf("%v, error %v", p, err)
	}
	peer.SetLinger(0)
	peer.Close()
	if p, err := conn.Next(); err == nil || err == io.EOF || p.Last || conn.BodyDone() {
		t.Errorf("%v, error %v, done %v", p, err, conn.BodyDone())
	}
}

func TestMalformedChunkIsAnErrorBehindWhatCameBeforeIt(t *testing.T) {
	conn := connOf([]byte("5\r\nhello\r\nXYZ\r\n0\r\n\r\n"))
	conn.ExpectBody(ByChunks, 0)
	p, err := conn.Next()
	if statusOf(err) != 400 || p.Size() != 5 || string(p.Framed) != "5\r\nhello\r\n" || p.Last || conn.BodyDone() {
		t.Errorf("%d bytes, framed %q, error %v, done %v", p.Size(), p.Framed, err, conn.BodyDone())
	}
}

func TestLengthThatIsLeftCountsDown(t *testing.T) {
	conn := connOf([]byte("abc"), []byte("de"), []byte("fgh"))
	conn.ExpectBody(ByLength, 6)
	for _, want := range []int64{3, 1, 0} {
		if _, err := conn.Next(); err != nil || conn.BodyLeft() != want {
			t.Errorf("left %d, error %v; want %d", conn.BodyLeft(), err, want)
		}
	}
	if got := string(conn.Take()); got != "gh" {
		t.Errorf("%q is left behind the body", got)
	}
	for _, f := range []Framing{NoBody, ByChunks, UntilClose} {
		if conn.ExpectBody(f, 0); conn.BodyLeft() != -1 {
			t.Errorf("framing %d: left %d", f, conn.BodyLeft())
		}
	}
}

func TestBufferedPieceNeverBlocks(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, conn *Conn) {
		for _, f := range []Framing{NoBody, ByLength, ByChunks, UntilClose} {
			conn.ExpectBody(f, 5)
			if p, err := conn.NextBuffered(); err != nil || p.Data != nil || p.Framed != nil || p.Last {
				t.Errorf("framing %d: %v, error %v", f, p, err)
			}
		}
		send(t, peer, "hellobye")
		conn.ExpectBody(ByLength, 5)
		for conn.Buffered() < 8 {
			if err := conn.Fill(); err != nil {
				t.Fatal(err)
			}
		}
		if p, err := conn.NextBuffered(); err != nil || p.Size() != 5 || !p.Last {
			t.Errorf("%v, error %v", p, err)
		}
		if p, err := conn.NextBuffered(); err != nil || p.Size() != 0 || p.Last {
			t.Errorf("behind the end: %v, error %v", p, err)
		}
		if got := string(conn.Take()); got != "bye" {
			t.Errorf("%q is left", got)
		}
	})
}

// A piece is the connection's memory: not a copy, and no byte outside of what
// was read for it is touched.
func TestPieceAliasesTheBufferAndNothingAroundIt(t *testing.T) {
	const before, chunks, after = "before", "3;ext\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n", "after"
	conn := connOf([]byte(before + chunks + after))
	if err := conn.Fill(); err != nil {
		t.Fatal(err)
	}
	memory := conn.buf.b
	conn.r += len(before)
	conn.ExpectBody(ByChunks, 0)
	p, err := conn.NextBuffered()
	if err != nil || string(p.Framed) != "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" {
		t.Fatalf("framed %q, error %v", p.Framed, err)
	}
	if &p.Framed[0] != &memory[len(before)] || &p.Data[0][0] != &p.Framed[3] {
		t.Error("the piece was copied")
	}
	if !bytes.HasPrefix(memory, []byte(before)) || string(conn.Unread()) != after {
		t.Errorf("around the piece are %q and %q", memory[:len(before)], conn.Unread())
	}
}

func TestPipelinedRequestsKeepTheirBodiesApart(t *testing.T) {
	requests := []struct{ head, body, data string }{
		{"GET /0 HTTP/1.1\r\nHost: gw\r\n\r\n", "", ""},
		{"POST /1 HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\n", "GET /", "GET /"},
		{"POST /2 HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n", "4;x\r\n\r\n\r\n\r\n0\r\nT: v\r\n\r\n", "\r\n\r\n"},
		{"POST /3 HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n", "", ""},
		{"POST /4 HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n", ""},
		{"GET /5 HTTP/1.1\r\nHost: gw\r\n\r\n", "", ""},
	}
	var stream string
	for _, r := range requests {
		stream += r.head + r.body
	}
	for first := range 40 {
		for _, second := range []byte{0, 1, 6, 40, 255} {
			conn := connOf(cutInPieces([]byte(stream), []byte{byte(first), second})...)
			var h RequestHead
			for i, r := range requests {
				head, err := nextHead(conn, MaxRequestHead)
				if err != nil || string(head) != r.head {
					t.Fatalf("cuts %d, %d: head %d is %q, error %v", first, second, i, head, err)
				}
				if err := ParseRequest(head, &h); err != nil {
					t.Fatal(err)
				}
				conn.ExpectBody(h.Framing, h.Length)
				if data, err := readBody(conn); err != nil || data != r.data {
					t.Fatalf("cuts %d, %d: body %d is %q, error %v", first, second, i, data, err)
				}
			}
			if err := conn.Fill(); err != io.EOF || conn.Buffered() != 0 {
				t.Fatalf("%q is left, error %v", conn.Unread(), err)
			}
		}
	}
}
