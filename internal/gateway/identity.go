package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/wire"
)

// identity is what the gateway writes into exchanges so that they can be found
// again: only where it is configured.
type identity struct {
	requestID string // the header's name, lower case; empty: off
	idHeader  []byte // the same, as it is written
	timing    bool   // Server-Timing
	tracing   bool   // traceparent
	ratio     float64
}

func compileIdentity(o *config.Observability) identity {
	if o == nil {
		return identity{}
	}
	return identity{requestID: o.RequestIDHeader, idHeader: []byte(o.RequestIDHeader), timing: o.ServerTiming, tracing: o.Tracing.Enabled, ratio: o.Tracing.SampleRatio}
}

// headers are the request headers that are the gateway's to set.
func (id *identity) headers() (names []string) {
	if id.requestID != "" {
		names = append(names, id.requestID)
	}
	if id.tracing {
		names = append(names, "traceparent")
	}
	return names
}

// identify gives the exchange its request id and its place in a trace.
func (x *exchange) identify() {
	id := &x.snap.identity
	if id.requestID != "" {
		x.requestID, x.idSent = id.requestIDOf(x.req)
	}
	if id.tracing {
		x.trace = newTrace(traceparentOf(x.req), id.ratio)
	}
}

// requestIDOf is the id that the client sent, else a new one.
func (id *identity) requestIDOf(req *wire.RequestHead) (text string, sent bool) {
	for i := range req.Fields {
		if f := &req.Fields[i]; wire.EqualFold(f.Name, id.requestID) && isRequestID(f.Value) {
			text = string(f.Value)
		}
	}
	if text != "" {
		return text, true
	}
	return newRequestID(), false
}

// traceparentOf is the client's place in a trace. None of several is believed, as
// W3C's own tests want it.
func traceparentOf(req *wire.RequestHead) (parent []byte) {
	found := false
	for i := range req.Fields {
		if f := &req.Fields[i]; wire.EqualFold(f.Name, "traceparent") {
			if found {
				return nil
			}
			parent, found = f.Value, true
		}
	}
	return parent
}

// newRequestID need not be a secret, only its own: it is drawn without a system call.
func newRequestID() string {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:], rand.Uint64())
	binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
	var text [2 * len(b)]byte
	hex.Encode(text[:], b[:])
	return string(text[:])
}

// isRequestID accepts 1 to 128 visible ASCII characters.
func isRequestID(b []byte) bool {
	if len(b) == 0 || len(b) > 128 {
		return false
	}
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// appendIdentity appends the header lines that carry the exchange's identity
// upstream. Each attempt is a span of its own.
func (x *exchange) appendIdentity(b []byte) []byte {
	if x.requestID != "" {
		b = wire.AppendField(b, x.snap.identity.requestID, x.requestID)
	}
	if x.trace != nil {
		x.span = newSpanID()
		b = append(b, "traceparent: "...)
		b = x.trace.appendTraceparent(b, x.span)
		b = append(b, "\r\n"...)
	}
	return b
}

// sign adds the exchange's identity to an answer.
func (x *exchange) sign(res *Response) {
	if x.requestID != "" {
		x.idText = append(x.idText[:0], x.requestID...)
		x.snap.identity.sign(res, x.idText)
	}
	if x.snap.identity.timing {
		res.add("Server-Timing", x.timings())
	}
}

// Sign adds its request's id to an answer that is made without an exchange. It
// does nothing where request ids are off.
func (g *Gateway) Sign(res *Response, req *wire.RequestHead) {
	if id := &g.snapshot.Load().identity; id.requestID != "" {
		text, _ := id.requestIDOf(req)
		id.sign(res, []byte(text))
	}
}

var gatewayIDHeader = []byte("X-Gw-Request-Id")

// sign adds a request's id to an answer.
func (id *identity) sign(res *Response, text []byte) {
	theirs, ours := false, false // by name
	for i := range res.Fields {
		name := res.Fields[i].Name
		theirs = theirs || wire.EqualFold(name, id.requestID)
		ours = ours || wire.EqualFold(name, "x-gw-request-id")
	}
	if ours { // an upstream has no say in that
		res.Fields = slices.DeleteFunc(res.Fields, func(f wire.Field) bool { return wire.EqualFold(f.Name, "x-gw-request-id") })
	}
	res.addBytes(gatewayIDHeader, text)
	if !theirs && id.requestID != "x-gw-request-id" {
		res.addBytes(id.idHeader, text)
	}
}

// timings is the gateway's own part and the last attempt's, connecting included,
// in ms.
func (x *exchange) timings() string {
	attempts := x.outcome.Attempts
	if len(attempts) == 0 {
		return "aigw;dur=" + millis(time.Since(x.outcome.Start))
	}
	last := &attempts[len(attempts)-1]
	own := x.outcome.Overhead + time.Since(last.Start.Add(last.Duration))
	return "aigw;dur=" + millis(own) + ", upstream;dur=" + millis(last.Duration)
}

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
}
