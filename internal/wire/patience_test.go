package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A pipe stands for the socket here: it takes bytes when its other end reads
// them, so what the peer takes, and when, is the test's to say.

const patience = time.Minute

// takes reads n bytes from the pipe's other end.
func takes(t *testing.T, peer net.Conn, n int) {
	t.Helper()
	if _, err := io.ReadFull(peer, make([]byte, n)); err != nil {
		t.Error(err)
	}
}

func TestPeerThatTakesNothingIsGivenUp(t *testing.T) {
	for taken := range 3 { // bytes taken, and then none
		for _, after := range []time.Duration{0, patience / 20, patience / 3, patience * 9 / 10} {
			synctest.Test(t, func(t *testing.T) {
				peer, own := net.Pipe()
				defer peer.Close()
				w := &patientWriter{to: own, limit: patience}
				last := make(chan time.Time, 1)
				go func() {
					time.Sleep(after)
					takes(t, peer, taken)
					last <- time.Now()
				}()
				began := time.Now()
				n, err := w.Write([]byte("some bytes"))
				stalled := time.Since(began)
				if taken > 0 {
					stalled = time.Since(<-last)
				}
				if err != ErrStalled || n != taken {
					t.Errorf("wrote %d bytes, error %v; want %d and ErrStalled", n, err, taken)
				}
				if stalled < patience || stalled > patience*6/5 {
					t.Errorf("%d bytes taken after %v: given up after %v of nothing", taken, after, stalled)
				}
			})
		}
	}
}

func TestSlowPeerThatTakesSomethingIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, own := net.Pipe()
		defer peer.Close()
		w := &patientWriter{to: own, limit: patience}
		go func() {
			for range 100 {
				time.Sleep(patience * 19 / 20)
				takes(t, peer, 1)
			}
		}()
		for range 10 {
			if n, err := w.Write(make([]byte, 10)); n != 10 || err != nil {
				t.Fatalf("wrote %d bytes, error %v", n, err)
			}
		}
	})
}

func TestWriteLateInADeadlineHasItsWholeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, own := net.Pipe()
		defer peer.Close()
		w := &patientWriter{to: own, limit: patience}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 60 {
				time.Sleep(time.Duration(i%2) * patience * 19 / 20)
				takes(t, peer, 1)
			}
		}()
		for i := range 60 {
			if n, err := w.Write([]byte{'x'}); n != 1 || err != nil {
				t.Fatalf("write %d: %d bytes, error %v", i, n, err)
			}
			time.Sleep(patience / 37)
		}
		<-done
	})
}

func TestDeadlineOfTheCallersOwnHoldsInsteadOfPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, own := net.Pipe()
		defer peer.Close()
		w := &patientWriter{to: own, limit: patience}
		for _, limit := range []time.Duration{patience / 100, 3 * patience} {
			began := time.Now()
			w.setDeadline(began.Add(limit))
			_, err := w.Write([]byte("bytes"))
			if took := time.Since(began); !IsTimeout(err) || took != limit {
				t.Errorf("with %v of the caller's own: error %v after %v", limit, err, took)
			}
		}
	})
}

func TestPatienceReturnsWhenTheCallersDeadlineIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, own := net.Pipe()
		defer peer.Close()
		w := &patientWriter{to: own, limit: patience}
		go takes(t, peer, 1)
		w.Write([]byte{'x'}) // arms a deadline
		w.setDeadline(time.Now().Add(time.Second))
		w.setDeadline(time.Time{})
		began := time.Now()
		_, err := w.Write([]byte("bytes"))
		if took := time.Since(began); err != ErrStalled || took > patience*6/5 {
			t.Errorf("error %v after %v, want ErrStalled in time", err, took)
		}
	})
}

func TestDeadlineSetMeanwhileEndsAWriteThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, own := net.Pipe()
		defer peer.Close()
		w := &patientWriter{to: own, limit: patience}
		time.AfterFunc(time.Second, func() { w.setDeadline(longAgo) })
		began := time.Now()
		_, err := w.Write([]byte("bytes"))
		if took := time.Since(began); !IsTimeout(err) || took != time.Second {
			t.Errorf("error %v after %v, want a timeout after 1s", err, took)
		}
	})
}

// Kernel buffers take some of it: no peer does.
const moreThanBuffersHold = 32 << 20

func TestStalledSocketIsGivenUp(t *testing.T) {
	_, own := tcpPair(t)
	const limit = 100 * time.Millisecond
	p := Patient(own, limit)
	began := time.Now()
	n, err := p.Write(make([]byte, moreThanBuffersHold))
	if err != ErrStalled || n == moreThanBuffersHold {
		t.Errorf("wrote %d bytes, error %v; want ErrStalled", n, err)
	}
	if took := time.Since(began); took < limit {
		t.Errorf("given up after %v already", took)
	}
}

func TestStalledSocketIsGivenUpBelowTLS(t *testing.T) {
	socket, own := tcpPair(t)
	peer := tls.Server(socket, &tls.Config{Certificates: []tls.Certificate{testCertificate}})
	go peer.Handshake()
	conn := tls.Client(Patient(own, 100*time.Millisecond), &tls.Config{InsecureSkipVerify: true})
	c := NewConn(conn)
	if err := c.Write(make([]byte, moreThanBuffersHold)); !errors.Is(err, ErrStalled) {
		t.Errorf("error %v, want ErrStalled", err)
	}
}

func TestReadingSocketGetsEveryByte(t *testing.T) {
	peer, own := tcpPair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 256<<10)
	got := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(peer)
		got <- b
	}()
	p := Patient(own, testTimeout)
	if n, err := p.Write(want); n != len(want) || err != nil {
		t.Fatalf("wrote %d bytes, error %v", n, err)
	}
	p.CloseWrite()
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("%d bytes came, want %d", len(b), len(want))
	}
}

func TestSocketObeysADeadlineOfTheCallersOwn(t *testing.T) {
	for name, set := range map[string]func(*PatientConn, time.Time) error{
		"SetWriteDeadline": (*PatientConn).SetWriteDeadline,
		"SetDeadline":      (*PatientConn).SetDeadline,
	} {
		t.Run(name, func(t *testing.T) {
			_, own := tcpPair(t)
			p := Patient(own, time.Hour)
			if err := set(p, time.Now().Add(50*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Write(make([]byte, moreThanBuffersHold)); !IsTimeout(err) {
				t.Errorf("error %v, want a timeout", err)
			}
		})
	}
}
