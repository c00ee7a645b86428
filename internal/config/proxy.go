package config

import "strings"

// proxy is the outbound proxy of a route.
type proxy struct {
	origin
	protocol, address  text
	username, password text
}

func (p *proxy) fields() []field {
	return []field{
		{"protocol", p.protocol.oneOf("http", "https", "socks"), required,
			"http, https (TLS to the proxy) or socks (SOCKS5; the proxy resolves names)."},
		{"address", &p.address, required, "host:port of the proxy."},
		{"username", &p.username, optional, "Login at the proxy; goes with password."},
		{"password", &p.password, optional, "Goes with username."},
	}
}

func (p *proxy) check(r *report) {
	if p.address.given && !p.address.bad {
		if wrong := wrongInAddress(p.address.v); wrong != "" {
			r.problem(&p.address.origin, "%s", wrong)
		}
	}
	bothOrNeither(r, &p.origin, "username", &p.username, "password", &p.password)
	p.checkLogin(r, &p.username)
	p.checkLogin(r, &p.password)
	if u := &p.username; !u.bad && p.protocol.v != "socks" && strings.Contains(u.v, ":") {
		r.problem(&u.origin, `must not have a ":" in it: the Basic login of an HTTP proxy cannot carry one`) // RFC 7617 §2
	}
}

// checkLogin reports what a login cannot carry: RFC 1929 §2 gives SOCKS a byte
// for the length, RFC 7617 §2 keeps control characters out of Basic.
func (p *proxy) checkLogin(r *report, t *text) {
	switch {
	case !t.given || t.bad:
	case t.v == "":
		r.problem(&t.origin, "must not be empty")
	case p.protocol.v == "socks" && len(t.v) > 255:
		r.problem(&t.origin, "must not be longer than 255 bytes: SOCKS5 cannot carry more")
	case p.protocol.v != "socks" && hasControl(t.v):
		r.problem(&t.origin, "must not have a control character in it: the Basic login of an HTTP proxy cannot carry one")
	}
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (p *proxy) build() *Proxy {
	return &Proxy{
		Protocol: p.protocol.v, Address: p.address.v,
		Username: p.username.v, Password: p.password.v,
	}
}
