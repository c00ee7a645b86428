package config

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// route sends what is below a prefix to an upstream, or to one of several.
type route struct {
	origin
	id, prefix text
	upstream   upstream
	upstreams  list[upstream]
	balancing  balancing
	retry      retry
	cooldown   cooldown
	stream     stream
}

func (r *route) fields() []field {
	oneOfMany := func(u *upstream) value { u.ofMany = true; return sub(u) }
	return []field{
		{"id", &r.id, required,
			"Names the route in logs and metrics; unique."},
		{"prefix", &r.prefix, required,
			`Paths that are this prefix or go on with "/" after it; unique, as percent-encoded as clients send it.`},
		{"upstream", sub(&r.upstream), alternative,
			"The AI API behind the route."},
		{"upstreams", listOf(&r.upstreams, oneOfMany).atLeastOne(), alternative,
			"Several AI APIs behind the route, or one with several keys; instead of upstream."},
		{"load_balancing", sub(&r.balancing), optional,
			"How one of several upstreams, and a key of its pool, is chosen."},
		{"retry", sub(&r.retry), optional,
			"What is retried before the client gets an answer."},
		{"cooldown", sub(&r.cooldown), optional,
			"How long a key, or an upstream without keys, is not used after a failure, where there is another to choose. One given here replaces its own default alone; 0 switches it off."},
		{"stream", sub(&r.stream), optional,
			"What happens when the client leaves a stream."},
	}
}

func checkRoutes(d *decoder, routes []route, caps *concurrency, own []ownPath) {
	ids, prefixes := map[string]int{}, map[string]int{}
	for i := range routes {
		rt := &routes[i]
		if checkID(d.report, &rt.id) {
			unique(d.report, &rt.id, "id", ids, "routes", i)
		}
		if checkPrefix(d.report, &rt.prefix, own) {
			unique(d.report, &rt.prefix, "prefix", prefixes, "routes", i)
		}
		rt.upstream.check(d, caps)
		names := map[string]int{}
		for j := range rt.upstreams.items {
			u := &rt.upstreams.items[j]
			if checkLabel(d.report, &u.id) {
				unique(d.report, &u.id, "id", names, "upstreams", j)
			}
			u.check(d, caps)
		}
		rt.balancing.check(d.report)
		rt.retry.check(d.report)
		rt.cooldown.check(d.report)
	}
}

func checkID(r *report, id *text) bool {
	switch {
	case !id.given || id.bad:
		return false
	case strings.TrimSpace(id.v) == "":
		r.problem(&id.origin, "must not be empty")
	case strings.ContainsFunc(id.v, unicode.IsControl):
		r.problem(&id.origin, "must not have a control character in it")
	case !utf8.ValidString(id.v): // as no metric's label may be
		r.problem(&id.origin, "must be UTF-8")
	}
	return !id.bad
}

// checkLabel is checkID for what stands in every log line and as the value of
// a metric's label.
func checkLabel(r *report, id *text) bool {
	const most = 128
	switch {
	case !checkID(r, id):
		return false
	case len(id.v) > most:
		r.problem(&id.origin, "must not be longer than %d bytes", most)
	case strings.ContainsFunc(id.v, func(r rune) bool { return !unicode.IsPrint(r) }):
		r.problem(&id.origin, "must not have a character in it that cannot be printed")
	}
	return !id.bad
}

// unique reports a text that an entry before the i-th of a list has too.
func unique(r *report, t *text, what string, seen map[string]int, list string, i int) {
	if first, again := seen[t.v]; again {
		r.problem(&t.origin, "%s is the %s of %s[%d] too", t.quoted(), what, list, first)
		return
	}
	seen[t.v] = i
}

func (r *route) build(d *decoder) Route {
	out := Route{
		ID: r.id.v, Prefix: r.prefix.v,
		Balancing: r.balancing.build(),
		Retry:     r.retry.build(),
		Cooldown:  r.cooldown.build(),
		Stream:    r.stream.build(),
	}
	if r.upstream.given {
		out.Upstreams = []Upstream{r.upstream.build(d)}
	}
	for i := range r.upstreams.items {
		out.Upstreams = append(out.Upstreams, r.upstreams.items[i].build(d))
	}
	return out
}
