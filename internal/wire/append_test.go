package wire

import (
	"io"
	"net"
	"strconv"
	"testing"
)

func TestStatusLineIsWrittenWithItsReason(t *testing.T) {
	for _, c := range []struct {
		status int
		reason string
		want   string
	}{
		{200, "OK", "HTTP/1.1 200 OK\r\n"},
		{299, "", "HTTP/1.1 299 \r\n"},
		{404, "caf\xc3\xa9", "HTTP/1.1 404 caf\xc3\xa9\r\n"},
	} {
		if got := string(AppendStatusLine(nil, c.status, []byte(c.reason))); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestChunkSizeIsHexadecimalWithoutLeadingZeros(t *testing.T) {
	for _, n := range []int{1, 9, 10, 15, 16, 17, 255, 256, 4095, 4096, 65536, 1<<31 - 1, 1 << 40, 1<<63 - 1} {
		if got, want := string(appendChunkSize(nil, n)), strconv.FormatInt(int64(n), 16)+"\r\n"; got != want {
			t.Errorf("%d became %q, want %q", n, got, want)
		}
	}
}

func TestReasonPhraseIsTheRFCs(t *testing.T) {
	for status, want := range map[int]string{200: "OK", 431: "Request Header Fields Too Large", 505: "HTTP Version Not Supported", 799: ""} {
		if got := ReasonPhrase(status); got != want {
			t.Errorf("%d is %q, want %q", status, got, want)
		}
	}
}

// What a receiver gets of a piece, by the framing it came in and the one it wants.
func TestPieceIsFramedAsItsReceiverWants(t *testing.T) {
	data := func(s ...string) (b [][]byte) {
		for _, d := range s {
			b = append(b, []byte(d))
		}
		return b
	}
	for _, c := range []struct {
		name  string
		piece Piece
		to    Framing
		want  string
	}{
		{"a length's bytes stay", Piece{Data: data("hello")}, ByLength, "hello"},
		{"and at the end", Piece{Data: data("hello"), Last: true}, ByLength, "hello"},
		{"bytes until close stay", Piece{Data: data("hello")}, UntilClose, "hello"},
		{"they get a chunk", Piece{Data: data("hello")}, ByChunks, "5\r\nhello\r\n"},
		{"and an end", Piece{Data: data("hello"), Last: true}, ByChunks, "5\r\nhello\r\n0\r\n\r\n"},
		{"an end alone", Piece{Last: true}, ByChunks, "0\r\n\r\n"},
		{"nothing is no chunk", Piece{}, ByChunks, ""},
		{"nor are no bytes", Piece{Data: data("")}, ByChunks, ""},
		{"chunks stay chunks", Piece{Data: data("hello"), Framed: []byte("5\r\nhello")}, ByChunks, "5\r\nhello"},
		{"their end too", Piece{Framed: []byte("0\r\n\r\n"), Last: true}, ByChunks, "0\r\n\r\n"},
		{"a part without data too", Piece{Framed: []byte("5\r")}, ByChunks, "5\r"},
		{"dropped bytes are nothing", Piece{Framed: []byte{}}, ByChunks, ""},
		{"chunks without their framing", Piece{Data: data("he", "llo"), Framed: []byte("2\r\nhe\r\n3\r\nllo\r\n"), Last: true}, UntilClose, "hello"},
		{"a part of none", Piece{Framed: []byte("5\r")}, UntilClose, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(AppendPiece([]byte("before"), &c.piece, c.to)); got != "before"+c.want {
				t.Errorf("appended %q, want %q", got[len("before"):], c.want)
			}
			peer, own := tcpPair(t)
			conn := NewConn(own)
			if err := conn.WritePiece(&c.piece, c.to); err != nil {
				t.Fatal(err)
			}
			conn.CloseWrite()
			if got, _ := io.ReadAll(peer); string(got) != c.want {
				t.Errorf("wrote %q, want %q", got, c.want)
			}
		})
	}
}

// countedWrites counts what reaches the socket.
type countedWrites struct {
	net.Conn
	writes int
}

func (c *countedWrites) Write(b []byte) (int, error) {
	c.writes++
	return len(b), nil
}

func TestPieceIsOneWriteAndNothingIsNone(t *testing.T) {
	hello := []byte("hello")
	for _, c := range []struct {
		piece  Piece
		to     Framing
		writes int
	}{
		{Piece{Data: [][]byte{hello}}, ByLength, 1},
		{Piece{Data: [][]byte{hello, hello}}, UntilClose, 1},
		{Piece{Data: [][]byte{hello, hello}, Last: true}, ByChunks, 1},
		{Piece{Data: [][]byte{hello}, Framed: []byte("5\r\nhello")}, ByChunks, 1},
		{Piece{}, ByLength, 0},
		{Piece{}, ByChunks, 0},
		{Piece{Framed: []byte{}}, ByChunks, 0},
		{Piece{Last: true}, UntilClose, 0},
	} {
		var socket countedWrites
		if err := NewConn(&socket).WritePiece(&c.piece, c.to); err != nil || socket.writes != c.writes {
			t.Errorf("%+v to %d: %d writes, error %v", c.piece, c.to, socket.writes, err)
		}
	}
}

func TestOutputComesBackEmpty(t *testing.T) {
	for range 100 {
		o := TakeOutput()
		if len(o.B) != 0 {
			t.Fatalf("an output holds %q", o.B)
		}
		o.B = append(o.B, "secret"...)
		o.Free()
	}
}
