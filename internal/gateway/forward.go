package gateway

import (
	"time"

	"ai-gw-lite/internal/wire"
)

// forward sends the request and waits for the head of its answer, on as many
// upstreams and keys as the route's retry allows.
func (x *exchange) forward() error {
	if err := x.prepare(); err != nil {
		x.giveBack()
		return err
	}
	x.startClock()
	x.outcome.Overhead = x.began.Sub(x.outcome.Start)
	for n := 1; ; n++ {
		a := x.attempt(n)
		x.record(&a)
		switch {
		case a.answered():
			x.cool(a.status, a.asked, a.readable)
		case a.kind == notSent && !a.fatal:
			x.coolUpstream()
		}
		if a.fatal || !x.prepareRetry(&a, n) {
			return x.settle(&a)
		}
	}
}

// prepare takes what is needed of the request's head, and what has come of its
// body, before the memory they were read into is given up.
func (x *exchange) prepare() error {
	req := x.req
	if req.WebSocket {
		x.websocket = newHandshake(req)
	}
	x.toHead = req.IsHead()
	x.repeatable = hasNoBody(req) && isRead(x.outcome.Method)

	p, err := x.down.BufferedBody()
	if err != nil {
		return errMalformedBody.because(err)
	}
	x.out.B = x.appendHead(x.out.B)
	x.sink.begin(x.out, req, &p, x.down.BodyDone(), &x.route.retry)
	x.sawRequest(&p)
	x.uploaded.Store(x.down.BodyDone())
	if x.route.retry.MaxAttempts > 1 {
		x.keepHead()
	} else {
		x.req, x.presented = nil, nil
	}
	x.down.ReleaseHead()
	return nil
}

// hasNoBody reports a request without a body, also one that says so by a length of 0.
func hasNoBody(req *wire.RequestHead) bool {
	return req.Framing == wire.NoBody || req.Framing == wire.ByLength && req.Length == 0
}

// keepHead copies the request's head, so that it can be written for another
// upstream after its buffer is gone.
func (x *exchange) keepHead() {
	old := x.req
	size := len(old.Method) + len(old.Target) + len(x.presented)
	for i := range old.Fields {
		size += len(old.Fields[i].Name) + len(old.Fields[i].Value)
	}
	memory := make([]byte, 0, size)
	keep := func(b []byte) []byte {
		n := len(memory)
		memory = append(memory, b...)
		return memory[n:len(memory):len(memory)]
	}
	req := *old
	req.Method, req.Target, x.presented = keep(old.Method), keep(old.Target), keep(x.presented)
	req.Path = req.Target[:len(old.Path)]
	req.Fields = make([]wire.Field, len(old.Fields))
	for i, f := range old.Fields {
		req.Fields[i] = wire.Field{Name: keep(f.Name), Value: keep(f.Value), Known: f.Known}
	}
	x.req = &req
}

// record notes an attempt for the observers.
func (x *exchange) record(a *attempt) {
	end := x.headAt
	if end.Before(a.start) {
		end = time.Now()
	}
	x.outcome.Attempts = append(x.outcome.Attempts, Attempt{
		Upstream: x.target.name,
		Key:      x.key.id,
		Result:   a.result(),
		Status:   a.status,
		Span:     x.span,
		Start:    a.start,
		Duration: end.Sub(a.start),
	})
}
