package config

import (
	"strings"
	"time"
)

// upstream is an AI API and how to talk to it.
type upstream struct {
	origin
	baseURL                 text
	stripPrefix, forwardXFF boolean
	connectMS, requestMS    number
	inject                  list[injectedHeader]
	remove                  list[text]
	proxy                   proxy
	keyMaxInflight          number
}

type injectedHeader struct {
	origin
	name, value text
}

func (u *upstream) fields() []field {
	return []field{
		{"base_url", &u.baseURL, required,
			"http or https URL, with or without a path; no query, fragment or login."},
		{"strip_prefix", u.stripPrefix.or(true), optional,
			"Whether the route's prefix is cut off before the rest goes behind base_url."},
		{"connect_timeout_ms", u.connectMS.or(10_000), optional,
			"For DNS, TCP, outbound proxy and TLS together."},
		{"request_timeout_ms", u.requestMS.or(60_000), optional,
			"For a whole exchange. For a stream it ends with the response head; the stream may then last."},
		{"inject_headers", listOf(&u.inject, func(h *injectedHeader) value { return sub(h) }), optional,
			"Headers set on each request, replacing the client's: the provider key above all."},
		{"remove_headers", texts(&u.remove), optional,
			"Request headers that are not passed on."},
		{"forward_xff", u.forwardXFF.or(false), optional,
			"Pass on X-Forwarded-* and the like, with the client's address appended to X-Forwarded-For."},
		{"proxy", sub(&u.proxy), optional,
			"The outbound proxy of this route. Proxies named in the environment are not used."},
		{"upstream_key_max_inflight", &u.keyMaxInflight, optional,
			"Requests in flight per provider key; instead of concurrency.upstream_per_key_max_inflight."},
	}
}

func (h *injectedHeader) fields() []field {
	return []field{
		{"name", &h.name, required, "The header's name."},
		{"value", &h.value, required, "The header's value; keep secrets in ${…}."},
	}
}

func (u *upstream) check(r *report, caps *concurrency) {
	if u.baseURL.given && !u.baseURL.bad {
		if _, wrong := parseBaseURL(u.baseURL.v); wrong != "" {
			r.problem(&u.baseURL.origin, "%s", wrong)
		}
	}
	u.checkInjected(r)
	for i := range u.remove.items {
		checkHeaderName(r, &u.remove.items[i], gatewaysOwn)
	}
	u.proxy.check(r)
	u.checkKeyLimit(r, caps)
}

func (u *upstream) checkInjected(r *report) {
	seen := map[string]int{}
	for i := range u.inject.items {
		h := &u.inject.items[i]
		if h.value.given && !h.value.bad {
			h.checkValue(r)
		}
		if !h.name.given || !checkHeaderName(r, &h.name, gatewaysOwnButHost) {
			continue
		}
		name := canonicalHeader(h.name.v)
		if first, again := seen[name]; again {
			r.problem(&h.name.origin, "%s is injected by inject_headers[%d] already", h.name.quoted(), first)
		} else {
			seen[name] = i
		}
	}
}

func (h *injectedHeader) checkValue(r *report) {
	if !isFieldValue(h.value.v) {
		r.problem(&h.value.origin, "HTTP does not allow this header value: it has a newline or other control character in it, or a blank at an end")
	} else if canonicalHeader(h.name.v) == "host" {
		if wrong := wrongInAuthority(h.value.v); wrong != "" {
			r.problem(&h.value.origin, "is no host: %s", wrong)
		}
	}
}

// checkKeyLimit reports a limit per provider key without a key to count by.
func (u *upstream) checkKeyLimit(r *report, caps *concurrency) {
	own := u.keyMaxInflight.given && !u.keyMaxInflight.bad
	general := caps.perKey.given && !caps.perKey.bad
	if !u.given || u.bad || !own && !general || u.inject.bad || u.build().Key() != "" {
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
	r.add(at, "must hold a non-empty authorization or x-api-key: %s counts by that key", limit)
}

func (u *upstream) build() Upstream {
	base, _ := parseBaseURL(u.baseURL.v)
	out := Upstream{
		Weight:         1,
		WebSocket:      true,
		BaseURL:        base,
		StripPrefix:    u.stripPrefix.v,
		ConnectTimeout: time.Duration(u.connectMS.v) * time.Millisecond,
		RequestTimeout: time.Duration(u.requestMS.v) * time.Millisecond,
		RemoveHeaders:  plain(u.remove),
		ForwardXFF:     u.forwardXFF.v,
		KeyMaxInflight: u.keyMaxInflight.v,
	}
	for i := range u.inject.items {
		h := &u.inject.items[i]
		out.InjectHeaders = append(out.InjectHeaders, Header{h.name.v, h.value.v})
	}
	if u.proxy.given {
		out.Proxy = u.proxy.build()
	}
	return out
}

// Key is the provider key that limits per key count by: the injected
// authorization, else the injected x-api-key, whole; "" if neither is there.
// It is a secret.
func (u Upstream) Key() string {
	for _, name := range []string{"authorization", "x-api-key"} {
		for _, h := range u.InjectHeaders {
			if strings.EqualFold(h.Name, name) && h.Value != "" {
				return h.Value
			}
		}
	}
	return ""
}
