package soak

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// outcome is how an exchange went, as its client saw it.
type outcome struct {
	none   error // there was no answer
	status int
	code   string // of the gateway's own answers
	got    int64  // bytes of the answer
	wrong  error  // they, or the answer's head, are not this exchange's
	broken error  // the answer broke off
	left   bool   // the client went away
	unsent error  // the request could not be sent to its end

	moves func() // is told of each piece of the answer: what moves does not hang
}

func (o *outcome) String() string {
	s := fmt.Sprintf("status %d %s, %d bytes", o.status, o.code, o.got)
	for what, err := range map[string]error{"no answer": o.none, "wrong": o.wrong, "broke off": o.broken, "unsent": o.unsent} {
		if err != nil {
			s += fmt.Sprintf(", %s: %v", what, err)
		}
	}
	return s
}

// hung reports that nothing moved for longer than anything may take.
func (o *outcome) hung() bool {
	for _, err := range []error{o.none, o.broken, o.unsent} {
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errHung) {
			return true
		}
	}
	return false
}

var errHung = errors.New("it hangs")

// ok judges an outcome.
func (k *kind) ok(p *plan, o *outcome) bool {
	switch {
	case o.wrong != nil, o.hung():
		return false
	case k.want == nil:
		return whole(p, o) && (o.unsent == nil || p.Manner == "early")
	}
	return k.want(p, o)
}

func whole(p *plan, o *outcome) bool {
	want := p.Down
	if p.Method == "HEAD" {
		want = 0
	}
	if p.isWebSocket() {
		want = p.Up
	}
	return o.none == nil && o.status == p.status() && o.broken == nil && o.got == want
}

// broken is an answer that broke off, and shows it.
func broken(p *plan, o *outcome) bool {
	return o.none == nil && o.status == p.status() && o.broken != nil && o.got <= p.At
}

func refusedBy(status int, code string) func(*plan, *outcome) bool {
	return func(_ *plan, o *outcome) bool {
		return o.none == nil && o.status == status && o.code == code && o.broken == nil
	}
}

var (
	refused502 = refusedBy(502, "upstream_request_failed")
	refused504 = refusedBy(504, "upstream_timeout")
)

// A reset may overtake the head that was sent before it.
func brokenOr502(p *plan, o *outcome) bool { return broken(p, o) || refused502(p, o) }

// On a busy machine the budget may run out before the head has come.
func brokenOr504(p *plan, o *outcome) bool { return broken(p, o) || refused504(p, o) }

// The answer was whole when its upstream left, but a reset may overtake any of it.
func wholeBrokenOr502(p *plan, o *outcome) bool {
	return whole(p, o) || refused502(p, o) || o.none == nil && o.status == p.status() && o.broken != nil
}

// left is what matters of a client that went away: up to then nothing was amiss.
func left(p *plan, o *outcome) bool {
	return o.left && (o.status == 0 || o.status == p.status()) || whole(p, o)
}

// status is that of the upstream's answer.
func (p *plan) status() int {
	switch {
	case p.Status != 0:
		return p.Status
	case p.isWebSocket():
		return http.StatusSwitchingProtocols
	case p.Manner == "early" || p.Manner == "gone":
		return http.StatusRequestEntityTooLarge
	case p.Framing == "none":
		return http.StatusNoContent
	}
	return http.StatusOK
}

// receive reads an answer's body for as long as the plan wants.
func (o *outcome) receive(p *plan, res *http.Response) {
	o.status = res.StatusCode
	if res.StatusCode != p.status() {
		o.refusal(res)
		return
	}
	if id := res.Header.Get("X-Id"); id != strconv.FormatUint(p.ID, 10) {
		o.wrong = fmt.Errorf("the answer to exchange %d is that to %q", p.ID, id)
		return
	}
	o.read(p, res.Body, p.answer())
}

func (o *outcome) read(p *plan, r io.Reader, want *body) {
	buffer := make([]byte, 32*kib)
	if p.Slow {
		buffer = buffer[:8*kib]
	}
	for {
		if p.When == "reading" && o.got >= p.LeaveAt {
			o.left = true
			return
		}
		n, err := r.Read(buffer)
		if o.wrong = want.take(buffer[:n]); o.wrong != nil {
			return
		}
		o.got += int64(n)
		o.moves()
		if err == io.EOF {
			return
		}
		if err != nil {
			o.broken = err
			return
		}
		if p.Slow {
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// refusal reads an answer that only the gateway can have made.
func (o *outcome) refusal(res *http.Response) {
	b, err := io.ReadAll(io.LimitReader(res.Body, kib))
	o.broken = err
	if n, _ := fmt.Sscanf(string(b), `{"error":%q}`, &o.code); n != 1 {
		o.wrong = fmt.Errorf("status %d with %.100q is nobody's answer", res.StatusCode, b)
	}
}
