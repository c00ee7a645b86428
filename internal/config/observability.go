package config

import (
	"slices"
	"strings"
)

// observability is what the gateway tells of itself.
type observability struct {
	origin
	requestIDHeader text
	logging         logging
	metrics         metrics
	tracing         tracing
	serverTiming    boolean
}

// metrics is the Prometheus endpoint.
type metrics struct {
	origin
	enabled     boolean
	path, token text
}

func (o *observability) fields() []field {
	return []field{
		{"request_id_header", o.requestIDHeader.or("x-request-id"), optional,
			"Carries the request's id: the client's, or a new one; it is passed upstream and answered."},
		{"logging", sub(&o.logging), optional,
			"Where the program's messages and the access log go."},
		{"metrics", sub(&o.metrics), optional,
			"An endpoint for Prometheus."},
		{"tracing", sub(&o.tracing), optional,
			"OpenTelemetry traces."},
		{"server_timing", o.serverTiming.or(false), optional,
			"Whether answers carry Server-Timing with the gateway's and the upstream's time."},
	}
}

func (m *metrics) fields() []field {
	return []field{
		{"enabled", m.enabled.or(false), optional, "Off unless true."},
		{"path", m.path.or("/metrics"), optional,
			"Where it is; it wins over routes."},
		{"token", &m.token, optional,
			"The bearer token that opens it; its own, none of the others."},
	}
}

func (m *metrics) endpoint() endpoint {
	return endpoint{&m.origin, "observability.metrics", "path", &m.enabled, &m.token, &m.path}
}

func (o *observability) check(r *report, auth *gatewayAuth, routes []route) {
	o.checkRequestID(r, auth, routes)
	o.logging.file.check(r)
	o.tracing.check(r)
}

// checkRequestID keeps a token from being passed on and logged as an id, and an
// id, which a client may choose, from standing where a provider's key belongs.
func (o *observability) checkRequestID(r *report, auth *gatewayAuth, routes []route) {
	h := &o.requestIDHeader
	if !h.given || !checkHeaderName(r, h, gatewaysOwn) {
		return
	}
	name := canonicalHeader(h.v)
	for _, s := range auth.build().Sources {
		if canonicalHeader(s.Header) == name {
			r.problem(&h.origin, "%s carries gateway tokens, which are passed on to nobody", h.quoted())
			return
		}
	}
	switch {
	case carriesKeys(name, routes):
		r.problem(&h.origin, "%s carries provider keys; the client's id would be sent with the key, or instead of it", h.quoted())
	case name == "traceparent" || name == "tracestate":
		r.problem(&h.origin, "%s says where a request stands in a trace, and is no id of its own", h.quoted())
	}
}

// carriesKeys reports a header that keys are injected in, or that providers take
// one from.
func carriesKeys(name string, routes []route) bool {
	switch name {
	case "authorization", "x-api-key", "x-goog-api-key", "api-key":
		return true
	}
	for i := range routes {
		r := &routes[i]
		if r.upstream.sendsKeys(name) || slices.ContainsFunc(r.upstreams.items, func(u upstream) bool { return u.sendsKeys(name) }) {
			return true
		}
	}
	return false
}

func (o *observability) build(d *decoder) *Observability {
	return &Observability{
		RequestIDHeader: strings.ToLower(o.requestIDHeader.v),
		Logging:         o.logging.build(d),
		Metrics:         Metrics{Enabled: o.metrics.enabled.v, Path: o.metrics.path.v, Token: o.metrics.token.v},
		Tracing:         o.tracing.build(),
		ServerTiming:    o.serverTiming.v,
	}
}
