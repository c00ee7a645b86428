package server

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/wire"
)

// http1 serves the requests of one HTTP/1.1 connection, one after the other,
// in the order they came. It is the gateway's Downstream for each of them.
type http1 struct {
	server *Server
	conn   *wire.Conn
	ip     string
	state  connState

	deadline time.Time // the read deadline in force; zero: unknown
	head     wire.RequestHead
	toHead   bool // the request is a HEAD

	framing     wire.Framing // of the answer
	closing     bool         // the connection ends with this answer
	tunnelled   bool
	interrupted atomic.Bool
	aborted     atomic.Bool
	needsReset  atomic.Bool // only a reset tells the client that its answer broke off
}

func newHTTP1(s *Server, c net.Conn) *http1 {
	return &http1{server: s, conn: wire.NewConn(c), ip: ipOf(c.RemoteAddr())}
}

func ipOf(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("").String()
	}
	return a.String()
}

// preface is how an HTTP/2 connection begins (RFC 9113 section 3.4).
const preface = "PRI * HTTP/2.0\r\n"

func (h *http1) serve(opened time.Time) {
	h.server.track(h)
	defer h.server.untrack(h)
	firstHead := opened.Add(h.server.patience.head)
	h.setDeadline(firstHead)
	if h.conn.AwaitFirst() != nil {
		h.conn.Close()
		return
	}
	for first := true; ; first = false {
		if !first && !h.awaitRequest() || !h.state.begin() {
			break
		}
		if err := h.readHead(first); err != nil {
			if err == errHTTP2 {
				h.server.http2.serve(&replayedConn{Conn: h.conn.NetConn(), start: bytes.Clone(h.conn.Take())}, firstHead)
				h.conn.Discard()
				return
			}
			h.refuse(err)
			break
		}
		h.exchange()
		if h.aborted.Load() || h.tunnelled || h.closing || !h.drainRequest() {
			break
		}
		if !h.state.rest() || h.server.stage.reached(draining) {
			break
		}
	}
	h.finish()
}

// awaitRequest waits on an idle connection for the first byte of a request.
// The deadline is moved rarely: one in force that comes too early is put off
// when it comes.
func (h *http1) awaitRequest() bool {
	if h.conn.Buffered() > 0 {
		return true
	}
	since, given := time.Now(), h.server.patience.idle
	if h.deadline.Sub(since) < given/2 {
		h.setDeadline(since.Add(given))
	}
	for {
		err := h.conn.AwaitFirst()
		if err == nil {
			return true
		}
		left := given - time.Since(since)
		if !wire.IsTimeout(err) || left <= 0 {
			return false
		}
		h.setDeadline(time.Now().Add(left))
	}
}

var (
	errHTTP2  = errors.New("an HTTP/2 connection")
	errNoHTTP = &wire.Error{Status: 400, Reason: "what is no HTTP"}
)

// readHead reads and parses the next request's head. On a new connection the
// time for it has run since its opening.
func (h *http1) readHead(first bool) error {
	timed := first
	for blank := true; ; {
		if blank && h.conn.Buffered() >= 2 {
			h.conn.SkipBlankLine()
			blank = false
		}
		if first && h.server.tls == nil && bytes.HasPrefix(h.conn.Unread(), []byte(preface)) {
			return errHTTP2
		}
		head, err := h.conn.FindHead(wire.MaxRequestHead)
		if err != nil {
			return err
		}
		if head != nil {
			return h.parse(head)
		}
		if !wire.CouldBeRequest(h.conn.Unread()) {
			return errNoHTTP
		}
		if !timed {
			timed = true
			h.setDeadline(time.Now().Add(h.server.patience.head))
		}
		if err := h.conn.Fill(); err != nil {
			return err
		}
	}
}

func (h *http1) parse(head []byte) error {
	if err := wire.ParseRequest(head, &h.head); err != nil {
		return err
	}
	h.conn.ExpectBody(h.head.Framing, h.head.Length)
	h.toHead = h.head.IsHead()
	return nil
}

func (h *http1) exchange() {
	h.framing, h.closing = wire.NoBody, h.head.Close
	h.interrupted.Store(false)
	h.needsReset.Store(false)
	h.server.serveExchange(h)
	if h.interrupted.Load() {
		h.deadline = time.Time{}
	}
}

// refuse answers what HTTP itself rejects with the bare status.
func (h *http1) refuse(err error) {
	var bad *wire.Error
	switch {
	case errors.As(err, &bad):
		h.conn.Write(bareAnswer(bad.Status))
	case wire.IsTimeout(err) && h.conn.Buffered() > 0:
		h.conn.Write(bareAnswer(408))
	}
}

func bareAnswer(status int) []byte {
	b := wire.AppendStatusLine(nil, status, []byte(wire.ReasonPhrase(status)))
	return append(b, "Content-Length: 0\r\nConnection: close\r\n\r\n"...)
}

// drainRequest reads what is left of a refused request's body, which is known
// to be little, so that it is never taken for the next request.
func (h *http1) drainRequest() bool {
	if h.conn.BodyDone() {
		return true
	}
	h.setDeadline(time.Now().Add(5 * time.Second))
	for !h.conn.BodyDone() {
		if _, err := h.conn.Next(); err != nil {
			return false
		}
	}
	return true
}

// How long a connection that is being closed is read on, so that a client
// still sending reads its answer before it meets a reset.
const (
	lingerTotal = 30 * time.Second
	lingerIdle  = 2 * time.Second
)

// finish closes the connection: in good order, its write side first, unless
// the exchange was broken off.
func (h *http1) finish() {
	h.state.v.Store(closed)
	if h.aborted.Load() {
		h.conn.Close()
		h.conn.Discard()
		return
	}
	h.conn.CloseWrite()
	for end := time.Now().Add(lingerTotal); time.Now().Before(end); {
		h.conn.Take()
		h.setDeadline(time.Now().Add(lingerIdle))
		if h.conn.Fill() != nil {
			break
		}
	}
	h.conn.Close()
	h.conn.Discard()
}

func (h *http1) setDeadline(t time.Time) {
	h.deadline = t
	h.conn.SetReadDeadline(t)
}

func (h *http1) Head() *wire.RequestHead           { return &h.head }
func (h *http1) ClientIP() string                  { return h.ip }
func (h *http1) BufferedBody() (wire.Piece, error) { return h.conn.NextBuffered() }
func (h *http1) BodyDone() bool                    { return h.conn.BodyDone() }
func (h *http1) GoneShows() bool                   { return false }
func (h *http1) HasLeft() bool                     { return h.conn.HasHungUp() }
func (h *http1) ReleaseHead()                      { h.conn.Release() }

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

// closeIdle closes the connection if nothing of a request has come on it.
func (h *http1) closeIdle() {
	if h.state.v.CompareAndSwap(idle, closed) {
		go h.conn.Close() // TLS says goodbye first, and may wait 5 s for a client that does not listen
	}
}

func (h *http1) Tunnel() *wire.Conn {
	h.tunnelled = true
	h.needsReset.Store(true) // its end is the connection's
	h.setDeadline(time.Time{})
	return h.conn
}
