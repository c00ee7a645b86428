package gateway

import (
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"

	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// handshake is a WebSocket handshake on its way upstream.
type handshake struct{ accept string }

// websocketGUID is RFC 6455 section 1.3's.
const websocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

func newHandshake(req *wire.RequestHead) *handshake {
	h := new(handshake)
	for i := range req.Fields {
		if f := &req.Fields[i]; f.Known == wire.SecWebSocketKey {
			sum := sha1.Sum(append(append([]byte{}, f.Value...), websocketGUID...))
			h.accept = base64.StdEncoding.EncodeToString(sum[:])
		}
	}
	return h
}

// acceptedBy reports a 101 that opens this handshake's tunnel (RFC 6455 section
// 4.1): anything else would be a way past the gateway.
func (h *handshake) acceptedBy(res *wire.ResponseHead) bool {
	if !res.WebSocket || h.accept == "" {
		return false
	}
	accepted := false
	for i := range res.Fields {
		switch f := &res.Fields[i]; f.Known {
		case wire.Upgrade:
			if !wire.EqualFold(f.Value, "websocket") {
				return false // or to what else?
			}
		case wire.SecWebSocketAccept:
			if accepted = string(f.Value) == h.accept; !accepted {
				return false
			}
		}
	}
	return accepted
}

// tunnel passes bytes both ways until either side closes.
func (x *exchange) tunnel() error {
	if err := x.respond(&x.up.Head, &wire.Piece{}); err != nil {
		return err
	}
	x.stopClock()
	if x.cause != causeNone {
		return x.causeOf()
	}
	client := x.down.Tunnel()
	if client == nil {
		return errWrongUpgrade
	}
	silence := watchSilence(x.target.idleTimeout, x.up.Abort)
	leave := tunnelLeave{hasLeft: x.down.HasLeft, end: x.up.Abort}
	in := way{client, leave.watched(x.up.Conn.Write), silence.broken(x.sawRequest), ClientGone, UpstreamBroken}
	out := way{x.up.Conn, silence.patient(client.Write), silence.broken(x.sawResponse), UpstreamBroken, ClientGone}
	ends := make(chan End, 2) // each way's; the first is the tunnel's
	other := make(chan error)
	go func() {
		defect := shelter(func() { ends <- in.pass() })
		x.up.Abort()
		other <- defect
	}()
	defect := shelter(func() { ends <- out.pass() })
	client.Interrupt()
	x.up.Abort()
	defect = cmp.Or(<-other, defect)
	silent := silence.stop()
	switch {
	case defect != nil:
		return defect
	case silent:
		x.outcome.End = Idle
		return errIdle
	case leave.ended():
		x.outcome.End = ClientGone
		return nil
	}
	if x.outcome.End = <-ends; x.outcome.End == UpstreamBroken {
		return errTunnelBroke
	}
	return nil
}

var errTunnelBroke = errors.New("the upstream broke the WebSocket off")

// way is one direction of a tunnel.
type way struct {
	from  *wire.Conn
	write func([]byte) error
	saw   func(*wire.Piece)

	readBroke, writeBroke End // what the tunnel's end is if either side breaks off
}

// pass writes on what comes, each read at once, until either side is closed.
func (w *way) pass() End {
	var data [1][]byte
	for {
		if data[0] = w.from.Take(); len(data[0]) > 0 {
			w.saw(&wire.Piece{Data: data[:]})
			if w.write(data[0]) != nil {
				return w.writeBroke
			}
		}
		switch err := w.from.Fill(); err {
		case nil:
		case io.EOF, upstream.ErrNoClosureAlert: // a WebSocket says goodbye in a frame of its own
			return Complete
		default:
			return w.readBroke
		}
	}
}
