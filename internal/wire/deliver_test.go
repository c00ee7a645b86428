package wire

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// taker gathers a body's data; it may do something at each piece.
type taker struct {
	data    strings.Builder
	broke   error
	onPiece func(*Piece) error
}

func (r *taker) Receive(p *Piece, broke error) error {
	for _, d := range p.Data {
		r.data.Write(d)
	}
	if r.broke = broke; broke == nil && r.onPiece != nil {
		return r.onPiece(p)
	}
	return nil
}

func TestDeliveredBodyIsTheOneThatCame(t *testing.T) {
	long := strings.Repeat("0123456789", 50_000)
	for _, row := range []struct {
		name    string
		framing Framing
		sent    string
		want    string
	}{
		{"by length", ByLength, long, long},
		{"by chunks", ByChunks, strings.Repeat("a;x\r\n0123456789\r\n", 50_000) + "0\r\n\r\n", long},
		{"until close", UntilClose, long, long},
	} {
		t.Run(row.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
				c.ExpectBody(row.framing, int64(len(row.want)))
				go func() {
					for b := []byte(row.sent); len(b) > 0; {
						n := min(len(b), 1+len(b)%7000)
						send(t, peer, string(b[:n]))
						b = b[n:]
					}
					if row.framing == UntilClose {
						peer.(interface{ CloseWrite() error }).CloseWrite()
					} else {
						send(t, peer, plainHead)
					}
				}()
				var r taker
				if err := c.Deliver(&r); err != nil || r.data.String() != row.want {
					t.Fatalf("%d bytes, error %v; want %d", r.data.Len(), err, len(row.want))
				}
				if row.framing == UntilClose {
					return
				}
				if head, err := nextHead(c, MaxRequestHead); err != nil || string(head) != plainHead {
					t.Errorf("the next head is %q, error %v", head, err)
				}
			})
		})
	}
}

// The poller tells of data and of the close behind it at once, and a read that
// takes the data sees no end.
func TestEndThatComesWithDataIsNoticed(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"close": func(peer *net.TCPConn) { peer.Close() },
		"reset": func(peer *net.TCPConn) { peer.SetLinger(0); peer.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			peer, c := plainPair(t)
			c.ExpectBody(ByChunks, 0)
			r := taker{onPiece: func(p *Piece) error {
				if string(p.Data[0]) == "two" {
					return nil
				}
				// While the first piece is dealt with the poller is not asked.
				send(t, peer, "3\r\ntwo\r\n")
				end(peer)
				return nil
			}}
			send(t, peer, "3\r\none\r\n")
			err := c.Deliver(&r)
			if err == nil || IsTimeout(err) {
				t.Errorf("a body that broke off was delivered with %v", err)
			}
			if name == "close" && (r.data.String() != "onetwo" || r.broke != io.ErrUnexpectedEOF) {
				t.Errorf("delivered %q and %v", r.data.String(), r.broke)
			}
		})
	}
}

func TestSilentBodyIsWaitedForWithoutDeadline(t *testing.T) {
	peer, c := plainPair(t)
	c.ExpectBody(ByLength, 6)
	pieces := make(chan string, 2)
	done := make(chan error, 1)
	go func() {
		done <- c.Deliver(&taker{onPiece: func(p *Piece) error {
			pieces <- string(p.Data[0])
			return nil
		}})
	}()
	send(t, peer, "one")
	if got := <-pieces; got != "one" {
		t.Fatalf("delivered %q", got)
	}
	select {
	case err := <-done:
		t.Fatalf("a silent body ended with %v", err)
	case <-time.After(3 * lookAgain): // the deadline must be no more than a look
	}
	send(t, peer, "two")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*lookAgain, func() { peer.Write([]byte("more")) })
	if err := c.Fill(); err != nil {
		t.Errorf("the connection is not to be used behind the body: %v", err)
	}
}

func TestShutEndsDeliveryAndTellsThePeer(t *testing.T) {
	for name, framing := range map[string]Framing{"by chunks": ByChunks, "until close": UntilClose} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
				c.ExpectBody(framing, 0)
				first := make(chan bool)
				done := make(chan error)
				go func() {
					done <- c.Deliver(&taker{onPiece: func(*Piece) error { close(first); return nil }})
				}()
				send(t, peer, "1\r\nx\r\n")
				<-first
				c.Shut()
				if _, err := peer.Read(make([]byte, 1)); err == nil || IsTimeout(err) {
					t.Errorf("the peer reads %v", err)
				}
				if err := <-done; !errors.Is(err, net.ErrClosed) {
					t.Errorf("delivery ended with %v: it must not look like the peer's own end", err)
				}
				c.Close()
			})
		})
	}
}

// A receiver may be stuck in a write to a slow client.
func TestShutDoesNotWaitForTheReceiver(t *testing.T) {
	peer, c := plainPair(t)
	c.ExpectBody(ByChunks, 0)
	stuck, free := make(chan bool), make(chan bool)
	done := make(chan error)
	go func() {
		done <- c.Deliver(&taker{onPiece: func(*Piece) error {
			close(stuck)
			<-free
			return nil
		}})
	}()
	send(t, peer, "1\r\nx\r\n")
	<-stuck
	c.Shut()
	close(free)
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("delivery ended with %v", err)
	}
	c.Close()
}

func TestReceiverThatFailsEndsDelivery(t *testing.T) {
	onBoth(t, func(t *testing.T, peer net.Conn, c *Conn) {
		c.ExpectBody(ByChunks, 0)
		failed := errors.New("the client has gone")
		go send(t, peer, "1\r\nx\r\n")
		if err := c.Deliver(&taker{onPiece: func(*Piece) error { return failed }}); err != failed {
			t.Errorf("delivery ended with %v", err)
		}
	})
}
