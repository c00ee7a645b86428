package simulate

import (
	"errors"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"
)

var (
	errClientGone = errors.New("client gone")
	errBroken     = errors.New("broken off, as asked for")
)

// delivery brings one answer to its client in the chosen manner.
type delivery struct {
	w      http.ResponseWriter
	r      *http.Request
	rc     *http.ResponseController
	manner Manner
	gate   <-chan struct{}
}

// beforeHead does what the manner has in store ahead of any answer.
func (d *delivery) beforeHead() error {
	if err := d.wait(d.manner.HeadDelay); err != nil {
		return err
	}
	switch d.manner.Fault {
	case ResetBeforeHead:
		return d.reset()
	case GarbageHead:
		return d.garbage()
	}
	return nil
}

// stream sends an answer event by event.
func (d *delivery) stream(q question, events iter.Seq[[]byte]) error {
	d.w.Header().Set("Content-Type", q.mediaType)
	d.w.Header().Set("Cache-Control", "no-cache")
	return d.send(http.StatusOK, events, true, q.errorEvent)
}

// plain sends a JSON answer whole: as one event, or as its two halves when a
// fault is to hit it.
func (d *delivery) plain(status int, body object) error {
	h := d.w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	data := body.append(nil)
	if d.manner.Encoding == "" && !d.manner.Unframed {
		h.Set("Content-Length", strconv.Itoa(len(data)))
	}
	events := [][]byte{data}
	if d.manner.Fault != NoFault {
		events = [][]byte{data[:len(data)/2], data[len(data)/2:]}
	}
	return d.send(status, slices.Values(events), d.manner.Fault != NoFault, nil)
}

// send writes the head and then each event when its time has come. With flush
// they leave one by one, without it as net/http likes. errorEvent is the event that
// reports an error; nil when the format has none.
func (d *delivery) send(status int, events iter.Seq[[]byte], flush bool, errorEvent []byte) error {
	h := d.w.Header()
	if d.manner.Close {
		h.Set("Connection", "close")
	}
	if d.manner.Unframed {
		h.Set("Transfer-Encoding", "identity") // net/http then frames the body with the connection's end
	}
	if d.manner.Encoding != "" {
		h.Set("Content-Encoding", d.manner.Encoding)
	}
	body := newEncoder(d.w, d.manner.Encoding)
	d.w.WriteHeader(status)
	if flush && d.rc.Flush() != nil {
		return errClientGone
	}
	sent := 0
	for event := range events {
		if sent > 0 {
			if err := d.wait(d.manner.Pace); err != nil {
				return err
			}
		}
		if err := d.pass(); err != nil {
			return err
		}
		if d.manner.Fault != NoFault && sent == d.manner.After {
			return d.strike(body, errorEvent)
		}
		if _, err := body.Write(event); err != nil {
			return errClientGone
		}
		if flush && (body.Flush() != nil || d.rc.Flush() != nil) {
			return errClientGone
		}
		sent++
	}
	if body.Close() != nil {
		return errClientGone
	}
	return nil
}

// pass waits at the gate, if there is one.
func (d *delivery) pass() error {
	if d.gate == nil {
		return nil
	}
	select {
	case <-d.gate:
		return nil
	case <-d.r.Context().Done():
		return errClientGone
	}
}

// wait lets a time pass, or less if the client goes.
func (d *delivery) wait(pause time.Duration) error {
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-d.r.Context().Done():
		return errClientGone
	}
}
