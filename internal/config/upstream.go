package config

import "slices"

// upstream is an AI API and how to talk to it.
type upstream struct {
	origin
	ofMany           bool // one of a route's upstreams: it has what choosing among them takes
	id               text
	priority, weight number
	keyHeader        keyHeader
	keys             list[poolKey]

	baseURL                   text
	stripPrefix, forwardXFF   boolean
	connectMS, requestMS      number
	firstByteMS, streamIdleMS number
	inject                    list[injectedHeader]
	userAgent                 text
	remove, removeResponse    list[text]
	proxy                     proxy
	tls                       upstreamTLS
	keyMaxInflight            number
	websocket                 boolean
}

func (u *upstream) fields() []field {
	own := []field{
		{"base_url", &u.baseURL, required,
			"http or https URL, with or without a path; no query, fragment or login."},
		{"strip_prefix", u.stripPrefix.or(true), optional,
			"Whether the route's prefix is cut off before the rest goes behind base_url."},
		{"connect_timeout_ms", u.connectMS.or(10_000), optional,
			"For DNS, TCP, outbound proxy and TLS together."},
		{"request_timeout_ms", u.requestMS.or(60_000), optional,
			"For a whole exchange. For a stream it ends with the response head; the stream may then last."},
		{"first_byte_timeout_ms", u.firstByteMS.zeroToo(), optional,
			"For the wait for the response head; 0: only request_timeout_ms bounds it."},
		{"stream_idle_timeout_ms", u.streamIdleMS.zeroToo(), optional,
			"For silence within a stream, which is then broken off; 0: it may be silent for ever."},
		{"inject_headers", listOf(&u.inject, func(h *injectedHeader) value { return sub(h) }), optional,
			"Headers set on each request, replacing the client's: the provider key above all."},
		{"user_agent", &u.userAgent, optional,
			"Replaces the client's User-Agent; empty: the client's."},
		{"remove_headers", texts(&u.remove), optional,
			"Request headers that are not passed on."},
		{"remove_response_headers", texts(&u.removeResponse), optional,
			"Response headers that are not passed on, such as set-cookie or openai-organization."},
		{"forward_xff", u.forwardXFF.or(false), optional,
			"Pass on X-Forwarded-* and the like, with the client's address appended to X-Forwarded-For."},
		{"websocket", u.websocket.or(true), optional,
			"Whether WebSocket handshakes are passed on; false: they get 426."},
		{"proxy", sub(&u.proxy), optional,
			"The outbound proxy of this route. Proxies named in the environment are not used."},
		{"tls", sub(&u.tls), optional,
			"Whom to trust when base_url is https."},
		{"upstream_key_max_inflight", &u.keyMaxInflight, optional,
			"Requests in flight per provider key; instead of concurrency.upstream_per_key_max_inflight."},
	}
	u.weight.or(1) // of one alone too
	if !u.ofMany {
		return own
	}
	return append([]field{
		{"id", &u.id, required,
			"Names the upstream in logs and metrics; unique within the route."},
		{"priority", u.priority.zeroToo(), optional,
			"Lower is chosen first; the next priority when nothing of this one can be used."},
		{"weight", &u.weight, optional,
			"Its share of the requests beside the others of its priority."},
		{"key_header", sub(&u.keyHeader), optional,
			"Where the pool's key goes. Goes with keys: both or neither."},
		{"keys", listOf(&u.keys, func(k *poolKey) value { return sub(k) }).atLeastOne(), optional,
			"A pool of provider keys; each request carries one of them."},
	}, own...)
}

func (u *upstream) check(d *decoder, caps *concurrency) {
	base := BaseURL{}
	if u.baseURL.given && !u.baseURL.bad {
		var wrong string
		if base, wrong = parseBaseURL(u.baseURL.v); wrong != "" {
			d.problem(&u.baseURL.origin, "%s", wrong)
		}
	}
	u.checkPool(d.report)
	u.checkInjected(d.report)
	for _, names := range []*list[text]{&u.remove, &u.removeResponse} {
		for i := range names.items {
			checkHeaderName(d.report, &names.items[i], gatewaysOwn)
		}
	}
	u.proxy.check(d.report)
	u.tls.check(d, base.Scheme)
	u.checkKeyLimit(d.report, caps)
}

// checkKeyLimit reports a limit per provider key without a key to count by.
func (u *upstream) checkKeyLimit(r *report, caps *concurrency) {
	own := u.keyMaxInflight.given && !u.keyMaxInflight.bad
	general := caps.perKey.given && !caps.perKey.bad
	if !u.given || u.bad || !own && !general || u.inject.bad || u.keys.given || (Upstream{InjectHeaders: u.injected()}).Key() != "" {
		return
	}
	for i := range u.inject.items { // what is wrong with one may be all that is wrong
		if h := &u.inject.items[i]; h.bad || !h.name.given || h.name.bad || !h.value.given || h.value.bad {
			return
		}
	}
	at, limit := u.place, "concurrency.upstream_per_key_max_inflight"
	if own {
		at, limit = u.keyMaxInflight.place, "upstream_key_max_inflight"
	}
	at.field = join(u.field, "inject_headers")
	or := ""
	if u.ofMany {
		or = ", or keys be given"
	}
	r.add(at, "must hold a non-empty authorization or x-api-key%s: %s counts by that key", or, limit)
}

// sendsKeys reports a header that a key of the pool, or whatever is injected,
// goes into.
func (u *upstream) sendsKeys(name string) bool {
	return canonicalHeader(u.keyHeader.name.v) == name ||
		slices.ContainsFunc(u.inject.items, func(h injectedHeader) bool { return canonicalHeader(h.name.v) == name })
}

func (u *upstream) build(d *decoder) Upstream {
	base, _ := parseBaseURL(u.baseURL.v)
	out := Upstream{
		ID:       u.id.v,
		Priority: u.priority.v,
		Weight:   u.weight.v,

		BaseURL:        base,
		StripPrefix:    u.stripPrefix.v,
		ConnectTimeout: u.connectMS.ms(),
		RequestTimeout: u.requestMS.ms(),
		InjectHeaders:  u.injected(),
		RemoveHeaders:  plain(u.remove),
		ForwardXFF:     u.forwardXFF.v,
		KeyMaxInflight: u.keyMaxInflight.v,

		KeyHeader: KeyHeader{Name: u.keyHeader.name.v, Prefix: u.keyHeader.prefix.v},
		Keys:      u.pool(),

		FirstByteTimeout:      u.firstByteMS.ms(),
		StreamIdleTimeout:     u.streamIdleMS.ms(),
		WebSocket:             u.websocket.v,
		UserAgent:             u.userAgent.v,
		RemoveResponseHeaders: plain(u.removeResponse),
		TLS:                   u.tls.build(d),
	}
	if u.proxy.given {
		out.Proxy = u.proxy.build()
	}
	return out
}
