package config

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// checkListen reports an address that nothing can listen on. Port 0 is
// allowed: the system then chooses one.
func checkListen(r *report, t *text) {
	if !t.given || t.bad {
		return
	}
	host, port, err := net.SplitHostPort(t.v)
	switch {
	case err != nil:
		r.problem(&t.origin, `must be host:port, such as "127.0.0.1:8080", ":8080" or "[::1]:8080"`)
	case wrongInPort(port, 0) != "":
		r.problem(&t.origin, "%s", wrongInPort(port, 0))
	case host != "":
		if wrong := wrongInHost(host); wrong != "" {
			r.problem(&t.origin, "%s", wrong)
		}
	}
}

// wrongInAddress says why s is no host:port to connect to, "" if it is one.
func wrongInAddress(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.Contains(s, "/") {
		return `must be host:port, such as "127.0.0.1:1080", without a scheme`
	}
	if wrong := wrongInHost(host); wrong != "" {
		return wrong
	}
	return wrongInPort(port, 1)
}

var authority = regexp.MustCompile(`^([^:\[\]]*|\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\])(:[0-9]+)?$`)

// wrongInAuthority says why s is no host or host:port of a URL.
func wrongInAuthority(s string) string {
	if !authority.MatchString(s) {
		return "the host must be a name, an IPv4 address or an IPv6 address in brackets; a port may follow after a colon"
	}
	host, port := splitAuthority(s)
	if wrong := wrongInHost(host); wrong != "" {
		return wrong
	}
	if port != "" {
		return wrongInPort(port, 1)
	}
	return ""
}

// splitAuthority cuts host[:port] in two. Brackets around the host go.
func splitAuthority(s string) (host, port string) {
	if host, port, err := net.SplitHostPort(s); err == nil {
		return host, port
	}
	return strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), ""
}

func wrongInPort(port string, least int) string {
	n, err := strconv.Atoi(port)
	if err != nil || n < least || n > 65535 || strconv.Itoa(n) != port {
		return "the port must be a number from " + strconv.Itoa(least) + " to 65535"
	}
	return ""
}

var (
	hostName   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)
	numberLast = regexp.MustCompile(`(^|\.)[0-9]+\.?$`)
)

// wrongInHost says why a host is neither an IP address nor a name that DNS can
// hold (RFC 1123 §2.1; "_" is common in containers). A name that ends in a
// number is taken for an IPv4 address, as browsers and libc do.
func wrongInHost(host string) string {
	if host == "" {
		return "the host is missing"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return "an IPv6 address with a zone is not supported"
		}
		return ""
	}
	if len(host) > 253 || !hostName.MatchString(host) || numberLast.MatchString(host) {
		return "the host is neither a name (letters, digits, hyphens and dots; others in their xn-- form) nor an IP address"
	}
	return ""
}
