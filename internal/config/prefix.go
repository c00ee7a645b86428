package config

import (
	"regexp"
	"strings"
)

// checkPrefix reports a prefix that no request, or not the request that it
// seems to mean, could match. own is what the gateway answers itself.
func checkPrefix(r *report, t *text, own []ownPath) bool {
	if !t.given || t.bad {
		return false
	}
	if wrong := wrongInPrefix(t.v); wrong != "" {
		r.problem(&t.origin, "%s", wrong)
		return false
	}
	for _, o := range own {
		if isBelow(t.v, o.path) {
			r.problem(&t.origin, "could never be reached: %s is answered by the gateway itself", o.name)
			return false
		}
	}
	return true
}

// ownPath is a path that wins over any route, and what a message calls it: by
// its field, since the path itself may come from the environment.
type ownPath struct{ path, name string }

// healthz is always the gateway's own.
const healthz = "/healthz"

// isBelow says whether path is prefix or goes on after it with a "/".
func isBelow(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// wrongInPrefix says why no path as sent could begin with p. Matching is on
// the path in its percent-encoded form, so a prefix is checked in that form.
func wrongInPrefix(p string) string {
	switch {
	case !strings.HasPrefix(p, "/"):
		return `must begin with "/"`
	case p != "/" && strings.HasSuffix(p, "/"):
		return `must not end with "/"`
	case strings.ContainsAny(p, "?#"):
		return `must be a path alone, without "?" or "#"`
	case strings.Contains(p, "//"):
		return `must not have "//" in it`
	case hasDotSegment(p):
		return `must not have a "." or ".." segment in it: such requests are refused`
	case hiddenSeparator.MatchString(p):
		return `must not have a backslash, "%2f" or "%5c" in it: some servers take them for "/"`
	}
	return wrongInPath(p)
}

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
