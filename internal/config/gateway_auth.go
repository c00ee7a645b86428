package config

import "strings"

// gatewayAuth is who may call, and where a request carries its gateway token.
type gatewayAuth struct {
	origin
	tokens  list[text]
	sources list[tokenSource]
}

type tokenSource struct {
	origin
	kind, name text
}

func (a *gatewayAuth) fields() []field {
	return []field{
		{"tokens", texts(&a.tokens).atLeastOne(), required,
			"The gateway tokens that callers may hold. ai-gw-lite token makes one."},
		{"token_sources", listOf(&a.sources, func(s *tokenSource) value { return sub(s) }).atLeastOne(), optional,
			"Where a request may carry its token, tried in order. Absent: authorization_bearer alone."},
	}
}

func (s *tokenSource) fields() []field {
	return []field{
		{"type", s.kind.oneOf("authorization_bearer", "header"), required,
			"authorization_bearer (Authorization: Bearer …) or header."},
		{"name", &s.name, optional,
			"The header, for type header."},
	}
}

func (a *gatewayAuth) check(r *report) {
	seen := map[string]int{}
	for i := range a.tokens.items {
		t := &a.tokens.items[i]
		if !checkSecret(r, t, "token") {
			continue
		}
		if first, again := seen[t.v]; again {
			r.problem(&t.origin, "is the same token as tokens[%d]", first)
		} else {
			seen[t.v] = i
		}
	}
	a.checkSources(r)
}

func (a *gatewayAuth) checkSources(r *report) {
	seen := map[TokenSource]int{}
	for i := range a.sources.items {
		s := &a.sources.items[i]
		if s.kind.bad || !s.kind.given || s.name.bad {
			continue
		}
		if s.kind.v == "header" {
			if !s.name.given {
				r.missing(&s.origin, "name", "is missing: type header needs the header's name")
				continue
			}
			if !checkHeaderName(r, &s.name, gatewaysOwn) {
				continue
			}
		} else if s.name.given {
			r.problem(&s.name.origin, "belongs to type header alone; authorization_bearer reads Authorization")
			continue
		}
		source := s.build()
		source.Header = canonicalHeader(source.Header)
		if first, again := seen[source]; again {
			r.problem(&s.origin, "is the same source as token_sources[%d]", first)
		} else {
			seen[source] = i
		}
	}
}

func (a *gatewayAuth) build() Auth {
	out := Auth{Tokens: plain(a.tokens)}
	for i := range a.sources.items {
		out.Sources = append(out.Sources, a.sources.items[i].build())
	}
	if !a.sources.given {
		out.Sources = []TokenSource{{Header: "authorization", Bearer: true}}
	}
	return out
}

func (s *tokenSource) build() TokenSource {
	if s.kind.v == "authorization_bearer" {
		return TokenSource{Header: "authorization", Bearer: true}
	}
	return TokenSource{Header: strings.ToLower(s.name.v)}
}
