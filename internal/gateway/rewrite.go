package gateway

import "ai-gw-lite/internal/wire"

// rewrite makes ready for the request as the upstream gets it: takes the memory
// that it is written into. The URL itself waits for choose, since base URLs
// differ; see appendTarget. Observers follow the exchange from here on.
func (x *exchange) rewrite() error {
	x.begin()
	x.wantsWebSocket = x.req.WebSocket
	x.out = wire.TakeOutput()
	return nil
}

// appendTarget appends the request target for the upstream: base path, then the
// path as sent, less the prefix where it is stripped, and the query. The seam
// between base path and rest is one slash, whatever the client sent; what comes
// behind it is never touched.
func (t *target) appendTarget(b, target []byte) []byte {
	rest := target[t.strip:]
	for len(rest) > 0 && rest[0] == '/' {
		rest = rest[1:]
	}
	b = append(b, t.targetStart...)
	b = append(b, t.basePath...)
	b = append(b, '/')
	return append(b, rest...)
}
