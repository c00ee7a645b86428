package server

import (
	"testing"

	"ai-gw-lite/internal/config"
)

func TestRouteIsTheLongestPrefixThatEndsAtASegment(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		routes := map[string]string{"ai": "/ai", "v1": "/ai/v1", "deep": "/ai/v1/deep", "esc": "/a%20b"}
		c := newConfig("http://unused")
		c.Routes = nil
		for id, prefix := range routes {
			u := answering(t, "HTTP/1.1 200 OK\r\nX-Route: "+id+"\r\nContent-Length: 0\r\n\r\n")
			c.Routes = append(c.Routes, newRoute(id, prefix, u.base()))
		}
		g := start(t, via, c)
		for _, row := range []struct{ target, route string }{
			{"/ai", "ai"},
			{"/ai/", "ai"},
			{"/ai?x=/ai/v1", "ai"},
			{"/ai/v2", "ai"},
			{"/ai/v10", "ai"},
			{"/ai/v1", "v1"},
			{"/ai/v1/", "v1"},
			{"/ai/v1/dee", "v1"},
			{"/ai/v1/deeper", "v1"},
			{"/ai/v1/deep", "deep"},
			{"/ai/v1/deep/and/deeper", "deep"},
			{"/ai//v1", "ai"},
			{"/a%20b/c", "esc"},
			{"/ai2", ""},
			{"/a", ""},
			{"/AI", ""},
			{"/", ""},
			{"/%61i", ""}, // still percent-encoded
			{"/a+b", ""},
		} {
			a := g.get(row.target)
			if row.route == "" {
				a.refusal(t, 404, "route_not_found")
			} else if got := a.header.Get("X-Route"); a.status != 200 || got != row.route {
				t.Errorf("%s: got %d from route %q, want %q", row.target, a.status, got, row.route)
			}
		}
	})
}

func TestPathThatCouldLeaveItsPrefixIsRefused(t *testing.T) {
	bad := []string{
		"/api/.", "/api/..", "/api/../x", "/api/./x", "/../api", "/.", "/..",
		"/api/%2e", "/api/%2E%2e/x", "/api/.%2e", "/api/%2e./x",
		"/api/..%2fx", "/api/..%2Fx", "/api%2f../x", "/api/x%2f..", "/api/%2e%2e%2f",
		"/api/..%5cx", "/api/x%5C..%5cy", `/api/..\x`, `/api\..\x`,
		"/api/..;/x", "/api/..;a=b/x", "/api/.;x", "/api/%2e%2e;x/y",
		"/api/..?q", "/api/%2e%2e?q",
	}
	good := []string{
		"/api/...", "/api/.a", "/api/a.", "/api/..a", "/api/a..", "/api/a;..", "/api/;../x", "/api/;.",
		"/api/%2e%2e%2e", "/api/a%2eb", "/api/%252e%252e/x", "/api?x=/../", "/api/x?/./..", "/api//x", "/api/a%2fb",
	}
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		for _, target := range bad {
			if a := g.get(target, "Authorization:"); a.status != 400 || a.body != `{"error":"invalid_path"}` {
				t.Errorf("%s: got %d %q, want 400 invalid_path", target, a.status, a.body)
			}
		}
		if n := len(u.requests()); n != 0 {
			t.Errorf("%d requests reached the upstream", n)
		}
		for _, target := range good {
			if a := g.get(target); a.status != 200 {
				t.Errorf("%s: got %d %q, want 200", target, a.status, a.body)
			}
		}
	})
}

func TestPercentSignWithoutTwoHexDigitsIsRefused(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) { // Go's HTTP/2 server resets such a stream itself
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		for _, target := range []string{"/api/%", "/api/%2", "/api/%zz", "/api/%2g", "/api/%%41", "/%", "/api/a%?x"} {
			c := g.dial()
			c.ask("GET " + target + " HTTP/1.1")
			c.answer("GET").refusal(t, 400, "invalid_path")
		}
		c := g.dial()
		c.ask("GET /api/x?%zz&%=% HTTP/1.1")
		c.answer("GET").ok(t)
		if got := u.only().target; got != "/x?%zz&%=%" {
			t.Errorf("the query went upstream as %s", got)
		}
	})
}

func TestUpstreamURLIsBaseAndRestAsSent(t *testing.T) {
	for _, row := range []struct {
		name         string
		prefix, base string
		keep         bool // strip_prefix: false
		target, want string
	}{
		{"prefix stripped", "/api", "", false, "/api/v1/chat", "/v1/chat"},
		{"empty rest becomes a slash", "/api", "", false, "/api", "/"},
		{"slash rest", "/api", "", false, "/api/", "/"},
		{"empty rest with a query", "/api", "", false, "/api?a=1", "/?a=1"},
		{"lone question mark", "/api", "", false, "/api/x?", "/x?"},
		{"prefix kept", "/api", "", true, "/api/v1", "/api/v1"},
		{"prefix kept, nothing behind it", "/api", "", true, "/api", "/api"},
		{"root prefix", "/", "", false, "/v1/x", "/v1/x"},
		{"root prefix kept", "/", "", true, "/v1/x", "/v1/x"},
		{"root prefix, root path", "/", "", false, "/", "/"},
		{"base with a path", "/api", "/base/v1", false, "/api/chat", "/base/v1/chat"},
		{"base with a path, empty rest", "/api", "/base", false, "/api", "/base/"},
		{"base with trailing slashes", "/api", "/base//", false, "/api/chat", "/base/chat"},
		{"base with a path, prefix kept", "/api", "/base", true, "/api/chat", "/base/api/chat"},
		{"base percent-encoded", "/api", "/b%20c", false, "/api/x", "/b%20c/x"},
		{"slashes right behind the prefix", "/api", "", false, "/api///v1", "/v1"},
		{"slashes right behind the prefix, with a base", "/api", "/base", false, "/api//v1//x", "/base/v1//x"},
		{"nothing but slashes", "/api", "/base", false, "/api///", "/base/"},
		{"slashes further on", "/api", "", false, "/api/a//b///", "/a//b///"},
		{"percent-encoding as sent", "/api", "", false, "/api/%7Euser/%C3%A9%2F%3b", "/%7Euser/%C3%A9%2F%3b"},
		{"odd characters", "/api", "", false, "/api/a;b=c,d+e:f@g!$'()*|^", "/a;b=c,d+e:f@g!$'()*|^"},
		{"colon in the first segment", "/api", "", false, "/api/models:generate", "/models:generate"},
		{"query untouched", "/api", "", false, "/api/x?b=2&a=1&a=&&;+%zz=%&b", "/x?b=2&a=1&a=&&;+%zz=%&b"},
		{"question marks in the query", "/api", "", false, "/api/x?a?b?http://other/", "/x?a?b?http://other/"},
		{"the prefix again", "/api", "", false, "/api/api", "/api"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				c := newConfig(u.base() + row.base)
				c.Routes[0].Prefix = row.prefix
				c.Routes[0].Upstreams[0].StripPrefix = !row.keep
				g := start(t, via, c)
				g.get(row.target).ok(t)
				if got := u.only().target; got != row.want {
					t.Errorf("%s went upstream as %s, want %s", row.target, got, row.want)
				}
			})
		})
	}
}

func TestSeamOfARootPrefixIsOneSlash(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		c := newConfig(u.base() + "/base")
		c.Routes[0].Prefix = "/"
		g := start(t, via, c)
		conn := g.dial()
		conn.ask("GET //evil.example/x HTTP/1.1")
		conn.answer("GET").ok(t)
		if got := u.only().target; got != "/base/evil.example/x" {
			t.Errorf("//evil.example/x went upstream as %s", got)
		}
	})
}

func TestAbsoluteFormChoosesNoUpstream(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("GET http://other.example:81/api/v1?q=1 HTTP/1.1")
		c.answer("GET").ok(t)
		r := u.only()
		if r.target != "/v1?q=1" || "http://"+r.get("Host") != u.base() {
			t.Errorf("went upstream as %s for %s", r.target, r.get("Host"))
		}
		c.ask("GET http://other.example HTTP/1.1")
		c.answer("GET").refusal(t, 404, "route_not_found")
	})
}

func TestRequestCannotChooseItsUpstream(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		other := answering(t, okAnswer)
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		g.get("/api/@"+other.listener.Addr().String()+"/?url="+other.base(),
			"X-Forwarded-Host: "+other.listener.Addr().String(), "X-Original-URL: "+other.base(), "Forwarded: host="+other.listener.Addr().String()).ok(t)
		u.only()
		if n := len(other.requests()); n != 0 {
			t.Errorf("%d requests reached another server", n)
		}
	})
}

func TestHostIsTheBaseURLsUnlessInjected(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		c := newConfig(u.base())
		injected := newRoute("injected", "/injected", u.base())
		injected.Upstreams[0].InjectHeaders = append(injected.Upstreams[0].InjectHeaders, config.Header{Name: "Host", Value: "tenant.example"})
		c.Routes = append(c.Routes, injected)
		g := start(t, via, c)
		g.get("/api").ok(t)
		g.get("/injected").ok(t)
		r := u.requests()
		if got := r[0].all("Host"); len(got) != 1 || "http://"+got[0] != u.base() {
			t.Errorf("Host is %q, want that of %s", got, u.base())
		}
		if got := r[1].all("Host"); len(got) != 1 || got[0] != "tenant.example" {
			t.Errorf("Host is %q, want the injected one", got)
		}
	})
}

func TestRedirectReachesTheClientUnfollowed(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		other := answering(t, okAnswer)
		u := answering(t, "HTTP/1.1 307 Temporary Redirect\r\nLocation: "+other.base()+"/x\r\nContent-Length: 0\r\n\r\n")
		g := start(t, via, newConfig(u.base()))
		if a := g.get("/api"); a.status != 307 || a.header.Get("Location") != other.base()+"/x" {
			t.Errorf("got %d %v", a.status, a.header)
		}
		if n := len(other.requests()); n != 0 {
			t.Error("the gateway followed a redirect")
		}
	})
}
