package soak

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// answerWriter sends an answer's body as its plan says: in pieces of all
// sizes, and up to where it goes wrong.
type answerWriter struct {
	c    *upstreamConn
	p    *plan
	body *body
	out  []byte // not sent yet
}

func (w *answerWriter) run(hold <-chan struct{}) bool {
	r := w.p.rand(1)
	end := w.p.Down
	wrong := w.p.Manner == "reset" || w.p.Manner == "truncate" || w.p.Manner == "stall"
	if wrong {
		end = w.p.At
	}
	for left := end; left > 0; {
		n := min(left, pieceSize(r))
		if hold != nil && n == left {
			if !w.flush() {
				return false
			}
			<-hold
		}
		w.piece(int(n))
		left -= n
		if left > 0 && r.IntN(3) > 0 && !w.flush() {
			return false
		}
		if w.p.Pause > 0 && left > 0 {
			if !w.flush() {
				return false
			}
			time.Sleep(w.p.Pause)
		}
	}
	if wrong {
		w.flush()
		switch w.p.Manner {
		case "reset":
			w.c.reset()
		case "stall":
			w.c.awaitGone(w.p)
		}
		return false
	}
	if w.p.Framing == "chunked" {
		w.out = append(w.out, "0\r\n\r\n"...)
	}
	if w.p.Manner == "too much" {
		// In one write with the answer's end: what follows looks like the next
		// answer and is nobody's.
		other := &body{key: 1}
		spoilt := make([]byte, pieceSize(r))
		other.next(spoilt)
		w.out = fmt.Appendf(w.out, "HTTP/1.1 200 OK\r\nX-Id: 0\r\nContent-Length: %d\r\n\r\n%s", len(spoilt), spoilt)
	}
	return w.flush()
}

// pieceSize is that of an event, mostly, or of a good deal more.
func pieceSize(r *rand.Rand) int64 {
	if r.IntN(8) == 0 {
		return 1 + r.Int64N(64*kib)
	}
	return 1 + r.Int64N(2*kib)
}

func (w *answerWriter) piece(n int) {
	if w.p.Framing == "chunked" {
		w.out = fmt.Appendf(w.out, "%x\r\n", n)
	}
	at := len(w.out)
	w.out = append(w.out, make([]byte, n)...)
	w.body.next(w.out[at:])
	if w.p.Framing == "chunked" {
		w.out = append(w.out, "\r\n"...)
	}
}

func (w *answerWriter) flush() bool {
	w.c.SetWriteDeadline(time.Now().Add(patience))
	_, err := w.c.Write(w.out)
	w.out = w.out[:0]
	return err == nil
}
