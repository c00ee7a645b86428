package config

import (
	"regexp"
	"strings"
)

// ownership says which header names a list may not use.
type ownership int

const (
	// gatewaysOwn: headers that frame a message, belong to one connection or
	// choose where it goes. The gateway writes or drops them itself.
	gatewaysOwn ownership = iota
	// gatewaysOwnButHost is for injected headers: some upstreams behind
	// a shared address are told apart by Host alone.
	gatewaysOwnButHost
)

// framing holds the names of RFC 9110 §7.6.1 (hop by hop), RFC 9112 §6
// (framing), and what else decides how or where a message goes.
var framing = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-connection": true,
	"proxy-authenticate": true, "proxy-authorization": true,
	"te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
	"http2-settings": true, "content-length": true, "expect": true, "host": true,
}

// checkHeaderName reports a name that HTTP or the gateway does not allow.
func checkHeaderName(r *report, t *text, owned ownership) bool {
	switch name := canonicalHeader(t.v); {
	case t.bad:
		return false
	case t.v == "":
		r.problem(&t.origin, "a header name must not be empty")
	case !isToken(t.v):
		r.problem(&t.origin, "HTTP does not allow %s as a header name", likelyName(t))
	case framing[name] && !(name == "host" && owned == gatewaysOwnButHost):
		r.problem(&t.origin, "%s is a framing or routing header, which the gateway handles itself", t.quoted())
	default:
		return true
	}
	return false
}

var nameWithBlanks = regexp.MustCompile(`^[A-Za-z][A-Za-z _-]{0,39}$`)

// likelyName is a wrong header name as a message may show it. A whole header
// line, secret included, is easily put where its name belongs.
func likelyName(t *text) string {
	if nameWithBlanks.MatchString(t.v) {
		return t.quoted()
	}
	return "this"
}

// canonicalHeader makes names equal that an upstream may take for the same:
// CGI and its heirs read X_Api_Key as X-Api-Key.
func canonicalHeader(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// isToken is a token of RFC 9110 §5.6.2: header names and methods.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

const notAFieldValue = "HTTP does not allow this header value: it has a newline or other control character in it, or a blank at an end"

// isFieldValue is a field value of RFC 9110 §5.5: no control characters but
// tabs, and no blank at either end.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return s == strings.Trim(s, " \t")
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
