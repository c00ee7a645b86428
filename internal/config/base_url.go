package config

import (
	"net"
	"strings"
)

// parseBaseURL takes a base_url apart without decoding anything in it. wrong
// says what is the matter; it never repeats the URL, which may hold a login.
func parseBaseURL(s string) (u BaseURL, wrong string) {
	scheme, rest, ok := strings.Cut(s, "://")
	u.Scheme = strings.ToLower(scheme)
	if !ok || u.Scheme != "http" && u.Scheme != "https" {
		return u, "must begin with http:// or https://"
	}
	if strings.ContainsAny(rest, "?#") {
		return u, `must not have a query or fragment ("?" or "#")`
	}
	path := ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, path = rest[:i], rest[i:]
	}
	if strings.Contains(rest, "@") {
		return u, "must not have a login in it; inject an authorization header instead"
	}
	if wrong = wrongInAuthority(rest); wrong != "" {
		return u, wrong
	}
	if hasDotSegment(path) {
		return u, `must not have a "." or ".." segment in its path`
	}
	if wrong = wrongInPath(path); wrong != "" {
		return u, wrong
	}
	host, port := splitAuthority(rest)
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	u.Authority, u.ServerName = rest, host
	u.Address = net.JoinHostPort(host, port)
	u.Path = strings.TrimRight(path, "/")
	return u, ""
}
