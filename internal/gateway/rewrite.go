package gateway

import "ai-gw-lite/internal/wire"

// rewrite makes ready to build the upstream's URL: what comes behind the base
// path is the path as sent, less the prefix where it is stripped.
func (x *exchange) rewrite() error {
	x.begin()
	x.outcome.Upstream = x.route.origin
	x.out = wire.TakeOutput()
	return nil
}

// appendTarget appends the request target for the upstream: base path, rest
// and query. The seam between base path and rest is one slash, whatever the
// client sent; what comes behind it is never touched.
func (r *route) appendTarget(b, target []byte) []byte {
	rest := target
	if r.strip && r.prefix != "/" {
		rest = rest[len(r.prefix):]
	}
	for len(rest) > 0 && rest[0] == '/' {
		rest = rest[1:]
	}
	b = append(b, r.targetStart...)
	b = append(b, r.basePath...)
	b = append(b, '/')
	return append(b, rest...)
}
