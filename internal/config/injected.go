package config

import "strings"

// injectedHeader is a header that the gateway sets on each request.
type injectedHeader struct {
	origin
	name, value text
}

func (h *injectedHeader) fields() []field {
	return []field{
		{"name", &h.name, required, "The header's name."},
		{"value", &h.value, required, "The header's value; keep secrets in ${…}."},
	}
}

// checkInjected reports what no header can be, and two values for one name,
// wherever the first of them is set.
func (u *upstream) checkInjected(r *report) {
	if u.userAgent.given && !u.userAgent.bad && !isFieldValue(u.userAgent.v) {
		r.problem(&u.userAgent.origin, "%s", notAFieldValue)
	}
	set := map[string]int{}
	for i := range u.inject.items {
		h := &u.inject.items[i]
		if h.value.given && !h.value.bad {
			h.checkValue(r)
		}
		if !h.name.given || !checkHeaderName(r, &h.name, gatewaysOwnButHost) {
			continue
		}
		name := canonicalHeader(h.name.v)
		first, again := set[name]
		switch {
		case again:
			r.problem(&h.name.origin, "%s is injected by inject_headers[%d] already", h.name.quoted(), first)
		case name == canonicalHeader(u.keyHeader.name.v):
			r.problem(&h.name.origin, "%s is what key_header sets; the key of the pool stands there", h.name.quoted())
		case name == "user-agent" && u.userAgent.v != "":
			r.problem(&h.name.origin, "%s is what user_agent sets", h.name.quoted())
		default:
			set[name] = i
		}
	}
}

func (h *injectedHeader) checkValue(r *report) {
	if !isFieldValue(h.value.v) {
		r.problem(&h.value.origin, "%s", notAFieldValue)
	} else if canonicalHeader(h.name.v) == "host" {
		if wrong := wrongInAuthority(h.value.v); wrong != "" {
			r.problem(&h.value.origin, "is no host: %s", wrong)
		}
	}
}

func (u *upstream) injected() (out []Header) {
	for i := range u.inject.items {
		h := &u.inject.items[i]
		out = append(out, Header{h.name.v, h.value.v})
	}
	return out
}

// Key is the one provider key by which slots are counted: the injected
// authorization, else the injected x-api-key, whole; "" if neither is there or
// if the upstream has a pool, whose keys are then counted each by its own
// value. It is a secret.
func (u Upstream) Key() string {
	if len(u.Keys) > 0 {
		return ""
	}
	for _, name := range []string{"authorization", "x-api-key"} {
		for _, h := range u.InjectHeaders {
			if strings.EqualFold(h.Name, name) && h.Value != "" {
				return h.Value
			}
		}
	}
	return ""
}
