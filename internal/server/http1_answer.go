package server

import (
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/wire"
)

// The part of the gateway's Downstream that answers.

// cheapRest is how much of a refused request's body is read for the sake of
// its connection, in bytes.
const cheapRest = 64 << 10

// Respond sends the head and the first piece of the body in one write.
func (h *http1) Respond(res *gateway.Response, first *wire.Piece) error {
	h.decide(res)
	o := wire.TakeOutput()
	defer o.Free()
	o.B = wire.AppendStatusLine(o.B, res.Status, res.Reason)
	o.B = wire.AppendFields(o.B, res.Fields)
	if res.Refusal && res.Status == 426 { // RFC 9110 section 15.5.22: say which protocol will do
		o.B = append(o.B, "Connection: Upgrade\r\nUpgrade: HTTP/1.1\r\n"...)
	}
	switch {
	case res.Status == 101:
		o.B = append(o.B, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	case h.closing:
		o.B = append(o.B, "Connection: close\r\n"...)
	case h.head.Minor == 0:
		o.B = append(o.B, "Connection: keep-alive\r\n"...)
	}
	if h.framing == wire.ByChunks {
		o.B = append(o.B, "Transfer-Encoding: chunked\r\n"...)
	}
	o.B = append(o.B, "\r\n"...)
	if h.framing != wire.NoBody {
		o.B = wire.AppendPiece(o.B, first, h.framing)
	}
	if res.Stream {
		h.head.Fields = nil
	}
	return h.conn.Write(o.B)
}

// decide settles how the answer's end is told, and whether the connection can
// go on behind it.
func (h *http1) decide(res *gateway.Response) {
	switch h.framing = res.Framing; {
	case h.toHead || res.Status < 200 || res.Status == 204 || res.Status == 304:
		h.framing = wire.NoBody
	case res.Framing == wire.ByLength:
	case h.head.Minor == 1:
		h.framing = wire.ByChunks
	default:
		h.framing, h.closing = wire.UntilClose, true
		h.needsReset.Store(true)
	}
	if res.Unfinished || res.Refusal && !h.restIsCheap() || h.server.stage.reached(leaving) {
		h.closing = true
	}
}

// restIsCheap reads what has come of a body that nobody wants and says whether
// what is still to come is worth waiting for.
func (h *http1) restIsCheap() bool {
	for !h.conn.BodyDone() && h.conn.Buffered() > 0 {
		if _, err := h.conn.NextBuffered(); err != nil {
			return false
		}
	}
	if h.conn.BodyDone() {
		return true
	}
	left := h.conn.BodyLeft()
	return !h.head.Expects && left >= 0 && left <= cheapRest
}

func (h *http1) Write(p *wire.Piece) error {
	if h.framing == wire.NoBody {
		return nil
	}
	return h.conn.WritePiece(p, h.framing)
}

// Interim passes a 1xx on, to clients of HTTP/1.1: HTTP/1.0 does not know them.
func (h *http1) Interim(res *gateway.Response) (sent bool, err error) {
	if h.head.Minor == 0 {
		return false, nil
	}
	o := wire.TakeOutput()
	defer o.Free()
	o.B = wire.AppendStatusLine(o.B, res.Status, res.Reason)
	o.B = wire.AppendFields(o.B, res.Fields)
	o.B = append(o.B, "\r\n"...)
	return true, h.conn.Write(o.B)
}
