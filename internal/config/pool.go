package config

import "strings"

// keyHeader is where the key of a pool goes.
type keyHeader struct {
	origin
	name, prefix text
}

// poolKey is one of several provider keys.
type poolKey struct {
	origin
	id, value           text
	weight, maxInflight number
}

func (h *keyHeader) fields() []field {
	return []field{
		{"name", &h.name, required,
			"The header's name: x-api-key, authorization and the like."},
		{"prefix", &h.prefix, optional,
			`What stands before the key: "Bearer " for authorization.`},
	}
}

func (k *poolKey) fields() []field {
	return []field{
		{"id", &k.id, required,
			"Names the key in logs and metrics; unique within the upstream."},
		{"value", &k.value, required,
			"The key; keep it in ${…}."},
		{"weight", k.weight.or(1), optional,
			"Its share of the requests beside the other keys."},
		{"max_inflight", &k.maxInflight, optional,
			"Requests in flight with this key; instead of upstream_key_max_inflight."},
	}
}

func (u *upstream) checkPool(r *report) {
	bothOrNeither(r, &u.origin, "key_header", &u.keyHeader, "keys", &u.keys)
	if h := &u.keyHeader; h.given {
		if h.name.given {
			checkHeaderName(r, &h.name, gatewaysOwn)
			if !h.name.bad && u.userAgent.v != "" && canonicalHeader(h.name.v) == "user-agent" {
				r.problem(&h.name.origin, "%s is what user_agent sets", h.name.quoted())
			}
		}
		if p := &h.prefix; p.given && !p.bad && !isFieldValue(p.v+"x") { // a key ends with no blank
			r.problem(&p.origin, "no header value can begin so: it has a control character in it, or a blank before it")
		}
	}
	ids, values := map[string]int{}, map[string]int{}
	for i := range u.keys.items {
		k := &u.keys.items[i]
		if checkLabel(r, &k.id) {
			if first, again := ids[k.id.v]; again { // not shown: it may stand where the key belongs
				r.problem(&k.id.origin, "is the id of keys[%d] too", first)
			} else {
				ids[k.id.v] = i
			}
		}
		if checkSecret(r, &k.value, "key") {
			if first, again := values[k.value.v]; again {
				r.problem(&k.value.origin, "is the same key as keys[%d]", first)
			} else {
				values[k.value.v] = i
			}
		}
	}
}

// checkSecret reports a token or key that no header can carry.
func checkSecret(r *report, t *text, what string) bool {
	switch {
	case !t.given || t.bad:
		return false
	case strings.TrimSpace(t.v) == "":
		r.problem(&t.origin, "must not be empty or blank")
	case !isFieldValue(t.v):
		r.problem(&t.origin, "no header can carry this %s: it has a control character in it, or a blank at an end", what)
	}
	return !t.bad
}

func (u *upstream) pool() (out []Key) {
	for i := range u.keys.items {
		k := &u.keys.items[i]
		out = append(out, Key{ID: k.id.v, Value: k.value.v, Weight: k.weight.v, MaxInflight: k.maxInflight.v})
	}
	return out
}
