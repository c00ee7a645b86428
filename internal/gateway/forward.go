package gateway

import (
	"context"
	"errors"

	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

var (
	errProxyLogin   = errors.New("the outbound proxy wants a login (407)")
	errUnasked101   = errors.New("a 101 that nobody asked for")
	errWrongUpgrade = errors.New("a 101 that does not accept the WebSocket handshake")
)

// forward sends the request and waits for the head of its answer.
func (x *exchange) forward() error {
	req := x.req
	if req.WebSocket {
		x.websocket = newHandshake(req)
	}
	x.toHead = req.IsHead()
	x.uploading = req.Framing
	repeatable := req.Framing == wire.NoBody && isSafe(req.Method)

	x.out.B = x.appendHead(x.out.B)
	p, err := x.down.BufferedBody()
	if err != nil {
		x.giveBack()
		return errMalformedBody.because(err)
	}
	x.out.B = wire.AppendPiece(x.out.B, &p, x.uploading)
	x.bytesIn.Add(int64(p.Size()))
	x.uploaded.Store(x.down.BodyDone())
	x.down.ReleaseHead()
	x.req, x.presented = nil, nil

	x.startClock()
	if err := x.attempt(repeatable); err != nil {
		return err
	}
	return x.checkHead()
}

// attempt sends the request on a connection and reads on to the final head. A
// request that may be repeated and meets silence on a connection that was idle
// gets a second try on a fresh one: its upstream may have closed it just then.
func (x *exchange) attempt(repeatable bool) error {
	for fresh := false; ; fresh = true {
		if err := x.connect(fresh); err != nil {
			return err
		}
		writeErr := x.send()
		if !x.uploaded.Load() {
			x.watch()
		}
		silent, err := x.awaitHead()
		switch {
		case err == nil:
			return nil
		case x.causeOf() != nil:
			return x.causeOf()
		case silent && x.up.Reused && repeatable && !fresh:
			x.attach(nil)
			x.up.Close()
			x.up = nil
		case writeErr != nil:
			return errRequestFailed.because(writeErr)
		default:
			return errRequestFailed.because(err)
		}
	}
}

// connect finds a connection to the upstream, an idle one unless fresh.
func (x *exchange) connect(fresh bool) error {
	if !fresh {
		x.up = x.route.pool.Idle()
	}
	if x.up == nil {
		if err := x.dial(); err != nil {
			return err
		}
	}
	if !x.attach(x.up) {
		return x.causeOf()
	}
	return nil
}

func (x *exchange) dial() error {
	ctx, cancel := context.WithTimeout(context.Background(), x.route.connectTimeout)
	defer cancel()
	if !x.mayCancel(cancel) {
		return x.causeOf()
	}
	up, err := x.route.pool.Dial(ctx)
	x.mayCancel(nil)
	if err == nil {
		x.up = up
		return nil
	}
	if cause := x.causeOf(); cause != nil {
		return cause
	}
	if upstream.IsTimeout(err) {
		return errTimeout.because(err)
	}
	return errConnect.because(err)
}

// mayCancel makes cancel what an abort calls. False says that the exchange has
// been aborted already.
func (x *exchange) mayCancel(cancel context.CancelFunc) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cancel = cancel
	return x.cause == causeNone
}

// awaitHead reads response heads, passing interim ones on, up to the final one.
func (x *exchange) awaitHead() (silent bool, err error) {
	for first := true; ; first = false {
		silent, err := x.up.ReadHead(x.toHead)
		if err != nil {
			return silent && first, err
		}
		h := &x.up.Head
		if !h.IsInterim() {
			return false, nil
		}
		res := &x.response
		*res = Response{Status: h.Status, Reason: h.Reason, Fields: x.takeFields(h)}
		if err := x.down.Interim(res); err != nil {
			x.abort(causeClientGone)
			return false, err
		}
	}
}

// checkHead refuses answers that may not be relayed.
func (x *exchange) checkHead() error {
	h := &x.up.Head
	switch {
	case h.Status == 407 && x.route.endpoint.AbsoluteForm():
		return errConnect.because(errProxyLogin)
	case h.Status == 101 && x.websocket == nil:
		return errRequestFailed.because(errUnasked101)
	case h.Status == 101 && !x.websocket.acceptedBy(h):
		return errRequestFailed.because(errWrongUpgrade)
	}
	return nil
}

// isSafe reports a method that changes nothing (RFC 9110 section 9.2.1).
func isSafe(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS":
		return true
	}
	return false
}
