package config

import (
	"strings"
	"unicode"
)

// route sends what is below a prefix to an upstream.
type route struct {
	origin
	id, prefix text
	upstream   upstream
}

func (r *route) fields() []field {
	return []field{
		{"id", &r.id, required,
			"Names the route in logs and metrics; unique."},
		{"prefix", &r.prefix, required,
			`Paths that are this prefix or go on with "/" after it; unique, as percent-encoded as clients send it.`},
		{"upstream", sub(&r.upstream), required,
			"The AI API behind the route."},
	}
}

func checkRoutes(r *report, routes []route, caps *concurrency) {
	ids, prefixes := map[string]int{}, map[string]int{}
	for i := range routes {
		rt := &routes[i]
		if checkID(r, &rt.id) {
			unique(r, &rt.id, "id", ids, i)
		}
		if checkPrefix(r, &rt.prefix) {
			unique(r, &rt.prefix, "prefix", prefixes, i)
		}
		rt.upstream.check(r, caps)
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
	}
	return !id.bad
}

func unique(r *report, t *text, what string, seen map[string]int, i int) {
	if first, again := seen[t.v]; again {
		r.problem(&t.origin, "%s is the %s of routes[%d] too", t.quoted(), what, first)
		return
	}
	seen[t.v] = i
}

func (r *route) build() Route {
	return Route{
		ID: r.id.v, Prefix: r.prefix.v,
		Upstreams: []Upstream{r.upstream.build()},
		Balancing: defaultBalancing(),
		Retry:     defaultRetry(),
		Cooldown:  defaultCooldown(),
		Stream:    defaultStream(),
	}
}
