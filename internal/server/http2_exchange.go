package server

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/wire"
)

// http2 is the gateway's Downstream for one HTTP/2 stream.
type http2 struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	rc     *http.ResponseController
	give   patience
	head   wire.RequestHead

	body   *wire.Output // what NextBody reads into
	piece  [1][]byte
	left   int64 // of the body, in bytes; negative: its length is unknown
	done   bool  // the body was read to its end
	noBody bool  // the answer has none

	mu      sync.Mutex
	stall   *time.Timer
	writing time.Time // since when; zero: not now

	stop        chan struct{}
	stopOnce    sync.Once
	interrupted atomic.Bool
	aborted     atomic.Bool
}

func newHTTP2(s *Server, w http.ResponseWriter, r *http.Request) *http2 {
	return &http2{server: s, w: w, r: r, rc: http.NewResponseController(w), give: s.patience, stop: make(chan struct{})}
}

func (h *http2) release() {
	if h.body != nil {
		h.body.Free()
		h.body = nil
	}
}

func (h *http2) Head() *wire.RequestHead                 { return &h.head }
func (h *http2) BufferedBody() (wire.Piece, error)       { return wire.Piece{}, nil }
func (h *http2) BodyDone() bool                          { return h.done }
func (h *http2) GoneShows() bool                         { return true }
func (h *http2) HasLeft() bool                           { return false }
func (h *http2) ReleaseHead()                            { h.head = wire.RequestHead{} }
func (h *http2) Interim(*gateway.Response) (bool, error) { return false, nil }
func (h *http2) Tunnel() *wire.Conn                      { return nil }
func (h *http2) Cut() bool                               { return h.server.stage.reached(cutting) }

func (h *http2) ClientIP() string {
	host, _, err := net.SplitHostPort(h.r.RemoteAddr)
	if err != nil {
		return h.r.RemoteAddr
	}
	host, _, _ = strings.Cut(host, "%")
	return strings.TrimPrefix(host, "::ffff:")
}

// bodyRead is how much of a request's body is read at once, in bytes.
const bodyRead = 32 << 10

func (h *http2) NextBody() (wire.Piece, error) {
	if h.body == nil {
		h.body = wire.TakeOutput()
		h.body.B = append(h.body.B, make([]byte, bodyRead)...)
	}
	h.rc.SetReadDeadline(time.Now().Add(h.give.upload))
	n, err := h.r.Body.Read(h.body.B)
	h.left -= int64(n)
	h.done = err == io.EOF || h.left == 0 // the stream's end may come a little later
	if n == 0 && err != nil && err != io.EOF {
		return wire.Piece{}, h.bodyError(err)
	}
	h.piece[0] = h.body.B[:n]
	return wire.Piece{Data: h.piece[:], Last: h.done}, nil
}

func (h *http2) bodyError(err error) error {
	switch {
	case h.interrupted.Load():
		return os.ErrDeadlineExceeded
	case wire.IsTimeout(err):
		return gateway.ErrUploadStalled
	}
	return err
}

func (h *http2) AwaitGone() bool {
	select {
	case <-h.r.Context().Done():
		return true
	case <-h.stop:
		return false
	}
}

func (h *http2) Interrupt() {
	h.interrupted.Store(true)
	h.stopOnce.Do(func() { close(h.stop) })
	h.r.Body.Close()
}

// Respond adds nothing that Go's server would: no Date, no guessed
// Content-Type, no Content-Length of an answer that came without one.
func (h *http2) Respond(res *gateway.Response, first *wire.Piece) error {
	header := h.w.Header()
	header["Date"], header["Content-Type"], header["Content-Length"] = nil, nil, nil
	for i := range res.Fields {
		f := &res.Fields[i]
		name := http.CanonicalHeaderKey(string(f.Name))
		header[name] = append(header[name], string(f.Value))
	}
	if h.server.stage.reached(leaving) {
		header["Connection"] = []string{"close"} // Go's server makes a GOAWAY of it
	}
	h.noBody = h.noBody || res.Status == 204 || res.Status == 304
	h.w.WriteHeader(res.Status)
	if h.noBody { // the head ends the stream: to flush what has ended is an error
		return nil
	}
	if err := h.Write(first); err != nil || res.Framing == wire.ByLength {
		return err
	}
	return h.rc.Flush() // or Go's server would count a short body's length
}

func (h *http2) Write(p *wire.Piece) error {
	if h.noBody {
		return nil
	}
	h.beginWrite()
	defer h.endWrite()
	for _, d := range p.Data {
		if _, err := h.w.Write(d); err != nil {
			return err
		}
	}
	if p.Last {
		return nil // the end of the stream goes out with it
	}
	return h.rc.Flush()
}

// beginWrite gives the client patience.write to take what comes. A deadline of
// the stream's own would run on while there is nothing to send, and reset a
// stream that is merely silent.
func (h *http2) beginWrite() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writing = time.Now()
	if h.stall == nil {
		h.stall = time.AfterFunc(h.give.write, h.cutOff)
	} else {
		h.stall.Reset(h.give.write)
	}
}

func (h *http2) endWrite() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writing = time.Time{}
	h.stall.Stop()
}

// cutOff acts by the time alone: it may come late, in the middle of another
// write or after the exchange, when the stream must not be touched.
func (h *http2) cutOff() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.writing.IsZero() && time.Since(h.writing) >= h.give.write {
		h.Abort()
	}
}

func (h *http2) Abort() {
	h.aborted.Store(true)
	h.rc.SetWriteDeadline(time.Unix(1, 0)) // frees a write that is stuck
}
