package server

import (
	"bytes"
	"net"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/wire"
)

// http1 serves the requests of one HTTP/1.1 connection, one after the other,
// in the order they came. It is the gateway's Downstream for each of them
// (http1_exchange.go, http1_answer.go).
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

// serve takes the connection to its end. One that turns out to speak HTTP/2 is
// handed on, with what was read of it.
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
		if !h.state.end() || h.server.stage.reached(draining) {
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

// exchange has one request answered. Interrupt leaves a deadline that is not
// known here.
func (h *http1) exchange() {
	h.framing, h.closing = wire.NoBody, h.head.Close
	h.interrupted.Store(false)
	h.needsReset.Store(false)
	h.server.serveExchange(h)
	if h.interrupted.Load() {
		h.deadline = time.Time{}
	}
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

// closeIdle closes the connection if nothing of a request has come on it.
func (h *http1) closeIdle() {
	if h.state.v.CompareAndSwap(idle, closed) {
		go h.conn.Close() // TLS says goodbye first, and may wait 5 s for a client that does not listen
	}
}

func (h *http1) setDeadline(t time.Time) {
	h.deadline = t
	h.conn.SetReadDeadline(t)
}
