//go:build unix

package upstream

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ai-gw-lite/internal/wire"
)

// idlePair is a connection that an exchange has ended on, ready to be released
// to the pool, and its peer.
func idlePair(t *testing.T, p *Pool) (*Conn, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	own, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(p, own)
	c.Head.Status = 204
	c.ExpectBody(wire.NoBody, 0)
	t.Cleanup(func() {
		c.Close()
		peer.Close()
	})
	return c, peer.(*net.TCPConn)
}

// isOpen looks at the peer's side whether the connection was closed.
func isOpen(peer *net.TCPConn) bool { return !wire.NewConn(peer).IsStale() }

// awaitEOF blocks until the other side has closed.
func awaitEOF(t *testing.T, peer *net.TCPConn) {
	t.Helper()
	peer.SetReadDeadline(time.Now().Add(testTimeout))
	if n, err := peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d bytes and error %v, want the end of the connection", n, err)
	}
}

func TestYoungestIdleConnectionIsUsedFirst(t *testing.T) {
	p := NewPool(NewDialer(nil), &Endpoint{})
	var conns []*Conn
	for range 3 {
		c, _ := idlePair(t, p)
		conns = append(conns, c)
	}
	for _, c := range conns {
		c.Release()
	}
	for i := len(conns) - 1; i >= 0; i-- {
		if got := p.Idle(); got != conns[i] || !got.Reused {
			t.Errorf("connection %d did not come in its turn", i)
		}
	}
	if got := p.Idle(); got != nil {
		t.Error("a connection came twice")
	}
}

func TestFreshConnectionIsNoReusedOne(t *testing.T) {
	p := NewPool(NewDialer(nil), &Endpoint{Address: serve(t, drain)})
	if p.Idle() != nil {
		t.Error("an empty pool gives a connection")
	}
	if c := dialPool(t, p); c.Reused {
		t.Error("a fresh connection calls itself reused")
	}
}

func TestStaleConnectionIsPassedOver(t *testing.T) {
	for name, spoil := range map[string]func(*net.TCPConn){
		"closed":       func(peer *net.TCPConn) { peer.Close() },
		"half closed":  func(peer *net.TCPConn) { peer.CloseWrite() },
		"unasked byte": func(peer *net.TCPConn) { peer.Write([]byte("H")) },
		"a 408":        func(peer *net.TCPConn) { io.WriteString(peer, "HTTP/1.1 408 Request Timeout\r\n\r\n"); peer.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPool(NewDialer(nil), &Endpoint{})
			good, _ := idlePair(t, p)
			bad, peer := idlePair(t, p)
			good.Release()
			bad.Release()
			spoil(peer)
			awaitReadable(t, bad)
			if got := p.Idle(); got != bad {
				t.Fatal("the pool does not give the youngest connection first")
			}
			if stale, err := bad.Converse([]byte("GET / HTTP/1.1\r\n\r\n"), true); !stale || err != nil {
				t.Errorf("the spoilt connection was used: %v", err)
			}
			if got := p.Idle(); got != good || good.IsStale() {
				t.Error("the good connection is taken for a stale one")
			}
		})
	}
}

// awaitReadable blocks until something has come for c, a plain connection, and
// leaves it there.
func awaitReadable(t *testing.T, c *Conn) {
	t.Helper()
	raw, err := c.NetConn().(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Read(func(uintptr) bool { return c.IsStale() }); err != nil {
		t.Fatal(err)
	}
}

func TestIdleConnectionExpiresInItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(NewDialer(nil), &Endpoint{})
		first, firstPeer := idlePair(t, p)
		second, secondPeer := idlePair(t, p)
		first.Release()
		time.Sleep(idleTimeout / 3)
		second.Release()

		time.Sleep(idleTimeout*2/3 - time.Second)
		if !isOpen(firstPeer) || !isOpen(secondPeer) {
			t.Fatal("a connection expired before its time")
		}
		time.Sleep(2 * time.Second) // past the first one's time
		synctest.Wait()
		awaitEOF(t, firstPeer)
		if !isOpen(secondPeer) {
			t.Fatal("the second connection expired with the first")
		}
		time.Sleep(idleTimeout / 3)
		synctest.Wait()
		awaitEOF(t, secondPeer)
		if p.Idle() != nil {
			t.Error("an expired connection is still there")
		}
	})
}

func TestUseRenewsTheTimeOfAnIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(NewDialer(nil), &Endpoint{})
		c, peer := idlePair(t, p)
		c.Release()
		for range 5 {
			time.Sleep(idleTimeout - time.Second)
			synctest.Wait()
			if p.Idle() != c {
				t.Fatal("the connection expired although it was used")
			}
			c.Release()
		}
		time.Sleep(idleTimeout + time.Second)
		synctest.Wait()
		awaitEOF(t, peer)
	})
}

func TestConnectionThatComesBackLateExpiresToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(NewDialer(nil), &Endpoint{})
		c, peer := idlePair(t, p)
		c.Release()
		if p.Idle() != c {
			t.Fatal("the connection is not there")
		}
		time.Sleep(3 * idleTimeout) // the sweep finds nothing meanwhile
		c.Release()
		time.Sleep(idleTimeout + time.Second)
		synctest.Wait()
		awaitEOF(t, peer)
	})
}

func TestIdleConnectionsAreBounded(t *testing.T) {
	p := NewPool(NewDialer(nil), &Endpoint{})
	t.Cleanup(p.Close)
	for range maxIdle {
		p.idle = append(p.idle, newConn(p, new(net.TCPConn)))
	}
	c, peer := idlePair(t, p)
	c.Release()
	awaitEOF(t, peer)
	if len(p.idle) != maxIdle {
		t.Errorf("%d connections are idle", len(p.idle))
	}
	p.idle = p.idle[:maxIdle-1]
	another, _ := idlePair(t, p)
	another.Release()
	if p.Idle() != another {
		t.Error("a connection was not kept although there was room")
	}
}

func TestClosedPoolClosesWhatIsIdleAndWhatComesBack(t *testing.T) {
	p := NewPool(NewDialer(nil), &Endpoint{})
	idle, idlePeer := idlePair(t, p)
	used, usedPeer := idlePair(t, p)
	idle.Release()
	p.Close()
	awaitEOF(t, idlePeer)
	if p.Idle() != nil {
		t.Error("a closed pool gives a connection")
	}
	if !isOpen(usedPeer) {
		t.Error("a connection in use was closed")
	}
	used.Release()
	awaitEOF(t, usedPeer)
	p.Close() // once more changes nothing
}

func TestClosedPoolLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(NewDialer(nil), &Endpoint{})
		c, _ := idlePair(t, p)
		c.Release()
		p.Close()
		if p.sweep != nil {
			t.Error("a sweep is still to come")
		}
		time.Sleep(2 * idleTimeout)
	})
}

func TestFailedDialIsADialErrorOfThePool(t *testing.T) {
	p := NewPool(NewDialer(nil), &Endpoint{Address: deadAddress(t)})
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	c, err := p.Dial(ctx)
	if c != nil {
		t.Error("a failed dial gives a connection")
	}
	wantFailure(t, err, StageConnect, "")
}

func TestPoolIsUsedFromManyGoroutines(t *testing.T) {
	p := NewPool(NewDialer(nil), &Endpoint{Address: serve(t, drain)})
	t.Cleanup(p.Close)
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 {
				c := p.Idle()
				if c == nil {
					var err error
					if c, err = p.Dial(t.Context()); err != nil {
						t.Error(err)
						return
					}
					c.Head.Status = 204
					c.ExpectBody(wire.NoBody, 0)
				}
				if !c.BodyDone() { // a race detector's bait: one owner at a time
					t.Error("a connection in use was given away")
				}
				c.Release()
			}
		}()
	}
	for range 8 {
		<-done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n == 0 || n > 8 {
		t.Errorf("%d connections are idle", n)
	}
}
