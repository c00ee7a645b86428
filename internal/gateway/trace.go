package gateway

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	mathrand "math/rand/v2"
)

// TraceID and SpanID are those of W3C Trace Context.
type (
	TraceID [16]byte
	SpanID  [8]byte
)

// Trace is an exchange's place in a distributed trace (W3C Trace Context). A
// request that brings a traceparent continues its trace.
type Trace struct {
	ID      TraceID
	Parent  SpanID // the caller's; zero: the trace begins here
	Span    SpanID // of the exchange
	Sampled bool
}

// newTrace continues the trace of a traceparent, or begins one of which ratio
// are sampled.
func newTrace(traceparent []byte, ratio float64) *Trace {
	t := &Trace{Span: newSpanID()}
	if t.parse(traceparent) {
		return t
	}
	rand.Read(t.ID[:])
	t.Sampled = mathrand.Float64() < ratio
	return t
}

// isNew reports a trace that begins here: what its caller may have said of one
// could not be read.
func (t *Trace) isNew() bool { return t != nil && t.Parent == (SpanID{}) }

func newSpanID() (id SpanID) {
	binary.BigEndian.PutUint64(id[:], mathrand.Uint64()|1)
	return id
}

// parse reads "00-TRACEID-PARENTID-FLAGS", and what later versions begin with.
func (t *Trace) parse(h []byte) bool {
	const length = len("00-00000000000000000000000000000000-0000000000000000-00")
	if len(h) < length || h[2] != '-' || h[35] != '-' || h[52] != '-' || string(h[:2]) == "ff" {
		return false
	}
	if len(h) > length && (string(h[:2]) == "00" || h[length] != '-') {
		return false
	}
	var version, flags [1]byte
	ok := hexInto(version[:], h[:2]) && hexInto(t.ID[:], h[3:35]) && hexInto(t.Parent[:], h[36:52]) && hexInto(flags[:], h[53:55])
	if !ok || t.ID == (TraceID{}) || t.Parent == (SpanID{}) {
		t.ID, t.Parent = TraceID{}, SpanID{}
		return false
	}
	t.Sampled = flags[0]&1 == 1
	return true
}

// hexInto decodes lower-case hexadecimal: the standard allows no other.
func hexInto(dst, src []byte) bool {
	for _, c := range src {
		if c >= 'A' && c <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(dst, src)
	return err == nil
}

// appendTraceparent appends the header's value that makes span the parent.
func (t *Trace) appendTraceparent(b []byte, span SpanID) []byte {
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, t.ID[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, span[:])
	if t.Sampled {
		return append(b, "-01"...)
	}
	return append(b, "-00"...)
}
