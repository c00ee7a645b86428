package config

import (
	"regexp"
	"strings"
)

// checkPrefix reports a prefix that no request, or not the request that it
// seems to mean, could match. Matching is on the path as sent, so a prefix is
// compared and checked in its percent-encoded form.
func checkPrefix(r *report, t *text) bool {
	if !t.given || t.bad {
		return false
	}
	p := t.v
	switch {
	case !strings.HasPrefix(p, "/"):
		r.problem(&t.origin, `must begin with "/"`)
	case p != "/" && strings.HasSuffix(p, "/"):
		r.problem(&t.origin, `must not end with "/"`)
	case strings.ContainsAny(p, "?#"):
		r.problem(&t.origin, `must be a path alone, without "?" or "#"`)
	case strings.Contains(p, "//"):
		r.problem(&t.origin, `must not have "//" in it`)
	case hasDotSegment(p):
		r.problem(&t.origin, `must not have a "." or ".." segment in it: such requests are refused`)
	case hiddenSeparator.MatchString(p):
		r.problem(&t.origin, `must not have a backslash, "%%2f" or "%%5c" in it: some servers take them for "/"`)
	default:
		if wrong := wrongInPath(p); wrong != "" {
			r.problem(&t.origin, "%s", wrong)
		} else if p == healthz || strings.HasPrefix(p, healthz+"/") {
			r.problem(&t.origin, "could never be reached: %s is answered by the gateway itself", healthz)
		}
	}
	return !t.bad
}

// healthz is the gateway's own endpoint; it wins over any route.
const healthz = "/healthz"

var hiddenSeparator = regexp.MustCompile(`(?i)\\|%2f|%5c`)

// hasDotSegment sees a dot segment also where a server further on would: "%2e"
// is a dot, "\", "%5c" and "%2f" separate, and a segment ends at its first ";".
func hasDotSegment(path string) bool {
	path = hiddenSeparator.ReplaceAllString(path, "/")
	path = encodedDot.ReplaceAllString(path, ".")
	for segment := range strings.SplitSeq(path, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

var encodedDot = regexp.MustCompile(`(?i)%2e`)

var (
	badPercent = regexp.MustCompile(`%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)`)
	badInPath  = regexp.MustCompile(`[^A-Za-z0-9/%:@!$&'()*+,;=._~-]`)
)

// wrongInPath says why a path is none of RFC 3986 §3.3, "" if it is one.
func wrongInPath(path string) string {
	switch {
	case badPercent.MatchString(path):
		return `has a "%" in it that no two hex digits follow`
	case badInPath.MatchString(path):
		return "has a character in it that a path cannot carry; write it percent-encoded"
	}
	return ""
}
