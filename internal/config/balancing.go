package config

import "strings"

// balancing is how one is chosen among several upstreams and keys.
type balancing struct {
	origin
	strategy text
	affinity affinity
}

// affinity keeps a session on the upstream and key that served it.
type affinity struct {
	origin
	header text
	ttl    number
}

func (b *balancing) fields() []field {
	return []field{
		{"strategy", b.strategy.oneOf("weighted_random", "round_robin", "least_inflight").or("weighted_random"), optional,
			"weighted_random, round_robin (smooth, weighted) or least_inflight (in flight by weight)."},
		{"affinity", sub(&b.affinity), optional,
			"Requests with the same value of a header go to the same upstream and key, because prompt caches live there. Absent: off."},
	}
}

func (a *affinity) fields() []field {
	return []field{
		{"header", &a.header, required,
			"The request header that names the session."},
		{"ttl_secs", a.ttl.or(600), optional,
			"How long a session is remembered after its last request."},
	}
}

func (b *balancing) check(r *report) {
	if b.affinity.header.given {
		checkHeaderName(r, &b.affinity.header, gatewaysOwn)
	}
}

func (b *balancing) build() Balancing {
	out := Balancing{Strategy: b.strategy.v}
	if b.affinity.given {
		out.Affinity = &Affinity{Header: strings.ToLower(b.affinity.header.v), TTL: b.affinity.ttl.secs()}
	}
	return out
}
