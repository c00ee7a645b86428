package gateway

import (
	"bytes"
	"slices"

	"ai-gw-lite/internal/wire"
)

// appendHead appends the request's head as the upstream gets it: the client's
// lines in their order and letter case, less those that are not for the
// upstream, then what the route injects.
func (x *exchange) appendHead(b []byte) []byte {
	t, req := x.target, x.req
	b = append(b, req.Method...)
	b = append(b, ' ')
	b = t.appendTarget(b, req.Target)
	b = append(b, " HTTP/1.1\r\n"...)
	lastXFF := -1
	if t.xff {
		lastXFF = x.lastForwardedFor()
	}
	hosted := false
	for i := range req.Fields {
		f := &req.Fields[i]
		switch {
		case f.Known == wire.Host:
			b = wire.AppendField(b, f.Name, t.host)
			hosted = true
		case f.Known == wire.ContentLength:
			b = wire.AppendField(b, f.Name, f.Value)
		case x.isForUpstream(f):
			if i == lastXFF {
				b = append(b, f.Name...)
				b = append(b, ": "...)
				if len(f.Value) > 0 {
					b = append(b, f.Value...)
					b = append(b, ", "...)
				}
				b = append(b, x.down.ClientIP()...)
				b = append(b, "\r\n"...)
				continue
			}
			b = wire.AppendField(b, f.Name, f.Value)
		}
	}
	if !hosted {
		b = wire.AppendField(b, []byte("Host"), t.host)
	}
	if t.xff && lastXFF < 0 && !t.drop.holds([]byte("x-forwarded-for")) {
		b = wire.AppendField(b, "X-Forwarded-For", x.down.ClientIP())
	}
	b = append(b, t.inject...)
	b = append(b, x.key.inject...)
	b = x.appendIdentity(b)
	if req.Framing == wire.ByChunks {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if x.websocket != nil {
		b = append(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	return append(b, "\r\n"...)
}

// isForUpstream reports whether the client's header line may be passed on.
func (x *exchange) isForUpstream(f *wire.Field) bool {
	switch {
	case f.Known.IsHopByHop() || x.target.drop.holds(f.Name):
		return false
	case x.req.Nominates && isNominated(x.req.Fields, f.Name):
		return false
	case x.trace.isNew() && wire.EqualFold(f.Name, "tracestate"):
		return false // that of another trace (W3C Trace Context section 4.3)
	case bytes.HasSuffix(f.Value, x.presented) && x.presentsToken(f.Value):
		return false // the same token in a header that is no token source
	}
	return true
}

// isNominated is wire.IsNominated with names folded, as in a dropList.
func isNominated(fields []wire.Field, name []byte) bool {
	var a, b [64]byte
	folded := fold(a[:0], name)
	for i := range fields {
		if fields[i].Known != wire.Connection {
			continue
		}
		for list := fields[i].Value; len(list) > 0; {
			var e []byte
			if e, list = wire.NextElement(list); len(e) == len(name) && bytes.Equal(fold(b[:0], e), folded) {
				return true
			}
		}
	}
	return false
}

func (x *exchange) presentsToken(value []byte) bool {
	if wire.HasPrefixFold(value, bearer) {
		value = wire.TrimBlanks(value[len(bearer):])
	}
	return bytes.Equal(value, x.presented)
}

func (x *exchange) lastForwardedFor() int {
	last := -1
	for i := range x.req.Fields {
		f := &x.req.Fields[i]
		if f.Known == wire.XForwardedFor && x.isForUpstream(f) {
			last = i
		}
	}
	return last
}

// takeFields copies what the client may see of an upstream's header lines.
func (x *exchange) takeFields(h *wire.ResponseHead) []wire.Field {
	fields := x.response.Fields[:0]
	for i := range h.Fields {
		f := &h.Fields[i]
		switch {
		case f.Known.IsHopByHop():
		case h.Nominates && f.Known != wire.ContentLength && wire.IsNominated(h.Fields, f.Name):
		case f.Known == wire.ContentLength && (h.Status < 200 || h.Status == 204): // RFC 9110 section 8.6
		case x.snap.cors != nil && f.Known.IsAccessControl():
		default:
			fields = append(fields, *f)
		}
	}
	return fields
}

// strip takes from an answer what its route removes.
func (x *exchange) strip(res *Response) {
	res.Fields = slices.DeleteFunc(res.Fields, func(f wire.Field) bool { return x.target.removes.holds(f.Name) })
}
