package server

import (
	"os"
	"time"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/wire"
)

// The gateway's Downstream, but for the answer.

func (h *http1) Head() *wire.RequestHead           { return &h.head }
func (h *http1) ClientIP() string                  { return h.ip }
func (h *http1) BufferedBody() (wire.Piece, error) { return h.conn.NextBuffered() }
func (h *http1) BodyDone() bool                    { return h.conn.BodyDone() }
func (h *http1) GoneShows() bool                   { return false }
func (h *http1) ReleaseHead()                      { h.conn.Release() }

// HasLeft takes a client that has said its last word in a tunnel for present: what
// it said is still to arrive.
func (h *http1) HasLeft() bool {
	switch {
	case h.aborted.Load():
		return true
	case h.tunnelled:
		return h.conn.IsReset()
	}
	return h.conn.HasHungUp()
}

// NextBody gives the client patience.upload to send something.
func (h *http1) NextBody() (wire.Piece, error) {
	if h.conn.Buffered() == 0 {
		h.setDeadline(time.Now().Add(h.server.patience.upload))
		if h.interrupted.Load() {
			return wire.Piece{}, os.ErrDeadlineExceeded
		}
	}
	p, err := h.conn.Next()
	if err != nil && wire.IsTimeout(err) && !h.interrupted.Load() {
		err = gateway.ErrUploadStalled
	}
	return p, err
}

func (h *http1) AwaitGone() bool {
	h.setDeadline(time.Time{})
	if h.interrupted.Load() {
		return false
	}
	return h.conn.AwaitClose()
}

func (h *http1) Interrupt() {
	h.interrupted.Store(true)
	h.conn.Interrupt()
}

func (h *http1) Abort() {
	h.aborted.Store(true)
	if h.needsReset.Load() {
		h.conn.Reset()
		return
	}
	h.conn.Abort()
}

// Cut reports that a drain came to its end before the exchange did.
func (h *http1) Cut() bool { return h.server.stage.reached(cutting) }

func (h *http1) Tunnel() *wire.Conn {
	h.tunnelled = true
	h.needsReset.Store(true) // its end is the connection's
	h.setDeadline(time.Time{})
	return h.conn
}
