package gateway

import (
	"bytes"
	"crypto/sha256"

	"ai-gw-lite/internal/wire"
)

// authenticate finds the caller. The first source that yields a token decides;
// tokens are looked up by their hash, so that the time taken says nothing of
// how near a guess came.
func (x *exchange) authenticate() error {
	for i := range x.snap.sources {
		s := &x.snap.sources[i]
		value, contradicts := s.value(x.req.Fields)
		if contradicts {
			return &errUnauthorized
		}
		if x.presented == nil {
			x.presented = s.token(value)
		}
	}
	if x.presented == nil {
		return &errUnauthorized
	}
	if x.caller = x.snap.principals[sha256.Sum256(x.presented)]; x.caller == nil {
		return &errUnauthorized
	}
	if x.requestID == string(x.presented) {
		x.requestID, x.idSent = newRequestID(), false // a request id goes upstream, a token never does
	}
	return nil
}

// value is the source's header; contradicts says that it came more than once
// with different values.
func (s *tokenSource) value(fields []wire.Field) (value []byte, contradicts bool) {
	for i := range fields {
		f := &fields[i]
		if f.Known != s.known || s.known == wire.Other && !wire.EqualFold(f.Name, s.header) {
			continue
		}
		if value != nil && !bytes.Equal(value, f.Value) {
			return nil, true
		}
		value = f.Value
	}
	return value, false
}

const bearer = "bearer "

// token is what the header's value presents, or nil.
func (s *tokenSource) token(value []byte) []byte {
	if s.bearer {
		if !wire.HasPrefixFold(value, bearer) {
			return nil
		}
		value = value[len(bearer):]
	}
	if value = wire.TrimBlanks(value); len(value) == 0 {
		return nil
	}
	return value
}
