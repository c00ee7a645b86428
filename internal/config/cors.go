package config

import (
	"regexp"
	"strings"
)

// cors is what web pages of other origins may do.
type cors struct {
	origin
	enabled                           boolean
	origins, headers, methods, expose list[text]
}

func (c *cors) fields() []field {
	return []field{
		{"enabled", c.enabled.or(false), optional, "Off unless true."},
		{"allow_origins", texts(&c.origins), optional,
			`"https://app.example"; "app.example" or "app.example:8443" for any scheme; "*" for every origin.`},
		{"allow_headers", texts(&c.headers), optional,
			"Request headers a page may send; empty: what it asks for."},
		{"allow_methods", texts(&c.methods), optional,
			"Methods a page may use; empty: what it asks for."},
		{"expose_headers", texts(&c.expose), optional,
			"Response headers a page may read."},
	}
}

// check looks at the lists of a disabled section too: a mistake in them would
// come to light on the day it is enabled. Enabled without an origin is allowed:
// no page may call, and the upstreams' own CORS headers are removed.
func (c *cors) check(r *report) {
	for i := range c.origins.items {
		t := &c.origins.items[i]
		if wrong := wrongInOrigin(t.v); wrong != "" && !t.bad {
			r.problem(&t.origin, "%s", wrong)
		}
	}
	for _, l := range []*list[text]{&c.headers, &c.methods, &c.expose} {
		for i := range l.items {
			if t := &l.items[i]; !t.bad && !isToken(t.v) {
				r.problem(&t.origin, "HTTP does not allow %s as a header name or method", likelyName(t))
			}
		}
	}
}

var originScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// wrongInOrigin says why s is neither an origin of RFC 6454 §7, nor the host
// of one, nor "*".
func wrongInOrigin(s string) string {
	host := originScheme.ReplaceAllString(s, "")
	switch {
	case s == "*":
		return ""
	case strings.ContainsAny(host, "/?#@"):
		return `must be an origin alone, such as "https://app.example": no path, not even "/", no query and no login`
	case strings.Contains(host, "*"):
		return `"*" stands for every origin, and only alone`
	}
	return wrongInAuthority(host)
}

func (c *cors) build() CORS {
	return CORS{
		Enabled:      c.enabled.v,
		AllowOrigins: plain(c.origins), AllowHeaders: plain(c.headers),
		AllowMethods: plain(c.methods), ExposeHeaders: plain(c.expose),
	}
}
