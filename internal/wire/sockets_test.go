package wire

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"ai-gw-lite/internal/testcert"
)

// testTimeout bounds what is meant to end long before.
const testTimeout = 20 * time.Second

// tcpPair is a connected pair of sockets. Reads and writes that hang fail.
func tcpPair(t testing.TB) (peer, own *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	peer, own = accepted.(*net.TCPConn), dialed.(*net.TCPConn)
	t.Cleanup(func() {
		peer.Close()
		own.Close()
	})
	for _, c := range []*net.TCPConn{peer, own} {
		c.SetDeadline(time.Now().Add(testTimeout))
	}
	return peer, own
}

// plainPair is a peer and a Conn on TCP.
func plainPair(t testing.TB) (*net.TCPConn, *Conn) {
	peer, own := tcpPair(t)
	return peer, NewConn(own)
}

// tlsPair is a peer and a Conn on TLS, and the peer's socket. The peer is the server.
func tlsPair(t testing.TB) (*tls.Conn, *Conn, *net.TCPConn) {
	t.Helper()
	socket, own := tcpPair(t)
	peer := tls.Server(socket, &tls.Config{Certificates: []tls.Certificate{testCertificate}, SessionTicketsDisabled: true})
	client := tls.Client(own, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- peer.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return peer, NewConn(client), socket
}

// onBoth runs a test on TCP and on TLS.
func onBoth(t *testing.T, test func(t *testing.T, peer net.Conn, c *Conn)) {
	t.Run("plain", func(t *testing.T) {
		peer, c := plainPair(t)
		test(t, peer, c)
	})
	t.Run("tls", func(t *testing.T) {
		peer, c, _ := tlsPair(t)
		test(t, peer, c)
	})
}

var testCertificate = testcert.New().Pair()

// send writes for the peer, from any goroutine.
func send(t testing.TB, peer net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(peer, s); err != nil {
		t.Error(err)
	}
}

// scripted is a socket that brings its pieces, one a read at most, then io.EOF.
type scripted struct {
	net.Conn
	pieces [][]byte
}

func (s *scripted) Read(p []byte) (int, error) {
	for len(s.pieces) > 0 && len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces[0] = s.pieces[0][n:]
	return n, nil
}

// connOf is a Conn that reads the given pieces.
func connOf(pieces ...[]byte) *Conn { return NewConn(&scripted{pieces: pieces}) }

// cutInPieces is b in pieces of the sizes that cuts gives, over and over.
func cutInPieces(b, cuts []byte) (pieces [][]byte) {
	for i := 0; len(b) > 0; i++ {
		n := len(b)
		if len(cuts) > 0 {
			n = min(n, 1+int(cuts[i%len(cuts)]))
		}
		pieces = append(pieces, b[:n:n])
		b = b[n:]
	}
	return pieces
}

// nextHead reads on to the next head.
func nextHead(c *Conn, limit int) ([]byte, error) {
	for {
		head, err := c.FindHead(limit)
		if head != nil || err != nil {
			return head, err
		}
		if err := c.Fill(); err != nil {
			return nil, err
		}
	}
}
