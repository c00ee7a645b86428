package server

import (
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

func TestRequestHeadersKeepOrderAndLetterCase(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.send("POST /api/v1 HTTP/1.1\r\n" +
			"x-FIRST: 1\r\nHOST: gateway\r\nAccept:*/*\r\nx-dup: a\r\nAuthorization: Bearer " + token + "\r\n" +
			"X-Dup: b\r\nUser-Agent:\t curl/8 \r\ncontent-length: 2\r\nx-empty:\r\nx-DUP: c, d\r\nX-Obs: caf\xe9\r\n\r\nhi")
		c.answer("POST").ok(t)
		host := strings.TrimPrefix(u.base(), "http://")
		want := "POST /v1 HTTP/1.1\r\n" +
			"x-FIRST: 1\r\nHOST: " + host + "\r\nAccept: */*\r\nx-dup: a\r\n" +
			"X-Dup: b\r\nUser-Agent: curl/8\r\ncontent-length: 2\r\nx-empty: \r\nx-DUP: c, d\r\nX-Obs: caf\xe9\r\n" +
			"authorization: " + providerKey + "\r\n\r\n"
		if got := u.only().head; got != want {
			t.Errorf("the upstream got\n%q, want\n%q", got, want)
		}
	})
}

func TestNoRequestHeaderIsInvented(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		g.get("/api").ok(t)
		g.post("/api", "hi", "X-Own: 1").ok(t)
		want := [][]string{{"authorization", "host"}, {"authorization", "content-length", "host", "x-own"}}
		for i, r := range u.requests() {
			var names []string
			for _, l := range r.lines {
				n, _, _ := strings.Cut(l, ":")
				names = append(names, strings.ToLower(n))
			}
			if sort.Strings(names); !slices.Equal(names, want[i]) {
				t.Errorf("request %d has headers %v, want %v", i+1, names, want[i])
			}
		}
	})
}

func TestRepeatedRequestHeadersKeepTheirOrder(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		g.get("/api", "X-Many: c", "X-Many: a", "X-Many: b, a").ok(t)
		if got := u.only().all("X-Many"); !slices.Equal(got, []string{"c", "a", "b, a"}) {
			t.Errorf("got %q", got)
		}
	})
}

// dropped is each kind of request header that never reaches an upstream.
func TestHeadersThatDoNotGoUpstream(t *testing.T) {
	for _, row := range []struct {
		name  string
		lines []string // beside the token
		gone  []string
	}{
		{"forwarding headers", []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-Host: h", "X-Forwarded-Proto: https", "Forwarded: for=9.9.9.9",
			"X-Real-Ip: 9.9.9.9", "Cf-Connecting-Ip: 9.9.9.9", "True-Client-Ip: 9.9.9.9", "Via: 1.1 other"},
			[]string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip", "Via"}},
		{"proxy authentication", []string{"Proxy-Authorization: Basic eDp5", "Proxy-Authenticate: Basic"}, []string{"Proxy-Authorization", "Proxy-Authenticate"}},
		{"te", []string{"Te: trailers"}, []string{"Te"}},
		{"token sources", []string{"X-Gw-Token: " + otherToken}, []string{"X-Gw-Token"}},
		{"removed by the route", []string{"X-Internal: 1", "X-Internal: 2"}, []string{"X-Internal"}},
		{"spelled with underscores", []string{"X_Internal: 1", "X_Gw_Token: x", "X_Forwarded_For: 9.9.9.9", "Transfer_Encoding: chunked", "Proxy_Authorization: x", "X_Api_Key: mine", "X_Gw-Token: y"},
			[]string{"X_Internal", "X_Gw_Token", "X_Forwarded_For", "Transfer_Encoding", "Proxy_Authorization", "X_Api_Key", "X_Gw-Token"}},
		{"the presented token elsewhere", []string{"X-Copy: " + token, "Api-Key: Bearer " + token, "Api-Key: bearer  " + token, "X-Goog: BEARER " + token},
			[]string{"X-Copy", "Api-Key", "X-Goog"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				c := newConfig(u.base())
				c.Auth.Sources = append(c.Auth.Sources, config.TokenSource{Header: "x-gw-token"})
				c.Routes[0].Upstreams[0].RemoveHeaders = []string{"X-internal"}
				c.Routes[0].Upstreams[0].InjectHeaders = append(c.Routes[0].Upstreams[0].InjectHeaders, config.Header{Name: "x-api-key", Value: "provider"})
				g := start(t, via, c)
				g.get("/api", append(row.lines, "X-Kept: yes")...).ok(t)
				r := u.only()
				for _, name := range row.gone {
					if r.has(name) {
						t.Errorf("%s went upstream", name)
					}
				}
				if got := r.all("X-Kept"); !slices.Equal(got, []string{"yes"}) {
					t.Errorf("X-Kept went upstream as %q", got)
				}
				if strings.Contains(r.head, token) {
					t.Errorf("the gateway token went upstream:\n%s", r.head)
				}
			})
		})
	}
}

func TestHeadersThatResembleDroppedOnesPass(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		lines := []string{"X-Token: x" + token, "X-Other: " + otherToken, "X-Basic: Basic " + token, "Cookie: t=" + token, "X-Forwarded-Port: 1", "Te-X: 1"}
		g.get("/api", lines...).ok(t)
		r := u.only()
		for _, l := range lines {
			name, value, _ := strings.Cut(l, ": ")
			if got := r.all(name); !slices.Equal(got, []string{value}) {
				t.Errorf("%s went upstream as %q, want %q", name, got, value)
			}
		}
	})
}

func TestHopByHopHeadersAreDropped(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) { // HTTP/2 has none
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.1",
			"Connection: keep-alive, X-Named", "connection: , x-OTHER ,,", "X-Named: 1", "x-other: 2", "X-OTHER: 3", "X_Other: 4",
			"Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "Trailer: X-T", "TE: trailers", "Upgrade: h2c", "HTTP2-Settings: x", "X-Kept: 1")
		c.answer("GET").ok(t)
		r := u.only()
		for _, name := range []string{"Connection", "X-Named", "X-Other", "X_Other", "Keep-Alive", "Proxy-Connection", "Trailer", "TE", "Upgrade", "Transfer-Encoding"} {
			if r.has(name) {
				t.Errorf("%s went upstream: %q", name, r.all(name))
			}
		}
		if !r.has("X-Kept") {
			t.Error("X-Kept did not go upstream")
		}
	})
}

func TestConnectionOptionBringsNothingBackAndTakesNothingVital(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		c := newConfig(u.base())
		c.Routes[0].Upstreams[0].ForwardXFF = true
		g := start(t, via, c)
		conn := g.dial()
		conn.send("POST /api HTTP/1.1\r\nHost: g\r\nConnection: authorization, host, content-length, x-forwarded-for, transfer-encoding\r\n" +
			"Authorization: Bearer " + token + "\r\nX-Forwarded-For: 9.9.9.9\r\nContent-Length: 2\r\n\r\nhi")
		conn.answer("POST").ok(t)
		r := u.only()
		if got := r.all("Authorization"); !slices.Equal(got, []string{providerKey}) {
			t.Errorf("Authorization is %q, want the injected one", got)
		}
		if got := r.all("X-Forwarded-For"); !slices.Equal(got, []string{"127.0.0.1"}) {
			t.Errorf("X-Forwarded-For is %q, want the client alone", got)
		}
		if !r.has("Host") || r.get("Content-Length") != "2" || r.body != "hi" {
			t.Errorf("the request went upstream as %q with body %q", r.head, r.body)
		}
	})
}

func TestInjectedHeaderReplacesEveryValue(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		c := newConfig(u.base())
		up := &c.Routes[0].Upstreams[0]
		up.InjectHeaders = []config.Header{{Name: "X-Api-Key", Value: "provider"}, {Name: "x-removed", Value: "injected all the same"}}
		up.RemoveHeaders = []string{"X-Removed"}
		g := start(t, via, c)
		g.get("/api", "X-Api-Key: mine", "X-Api-Key: mine too", "X-Removed: 1").ok(t)
		r := u.only()
		if got := r.all("x-api-key"); !slices.Equal(got, []string{"provider"}) {
			t.Errorf("x-api-key is %q", got)
		}
		if got := r.all("x-removed"); !slices.Equal(got, []string{"injected all the same"}) {
			t.Errorf("x-removed is %q", got)
		}
		if r.has("authorization") {
			t.Error("the client's authorization went upstream")
		}
	})
}

func TestForwardXFFAppendsTheClient(t *testing.T) {
	for _, row := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"none yet", nil, []string{"127.0.0.1"}},
		{"one", []string{"X-Forwarded-For: 9.9.9.9"}, []string{"9.9.9.9, 127.0.0.1"}},
		{"an empty one", []string{"X-Forwarded-For: "}, []string{"127.0.0.1"}},
		{"an empty one behind another", []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: "}, []string{"9.9.9.9", "127.0.0.1"}},
		{"several lines", []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: 8.8.8.8, 7.7.7.7"}, []string{"9.9.9.9", "8.8.8.8, 7.7.7.7, 127.0.0.1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				c := newConfig(u.base())
				c.Routes[0].Upstreams[0].ForwardXFF = true
				g := start(t, via, c)
				g.get("/api", append(row.lines, "Via: 1.1 other", "Forwarded: for=9.9.9.9", "X-Real-Ip: 9.9.9.9")...).ok(t)
				r := u.only()
				if got := r.all("X-Forwarded-For"); !slices.Equal(got, row.want) {
					t.Errorf("X-Forwarded-For is %q, want %q", got, row.want)
				}
				if r.get("Via") != "1.1 other" || r.get("Forwarded") != "for=9.9.9.9" || r.get("X-Real-Ip") != "9.9.9.9" {
					t.Errorf("other forwarding headers do not pass:\n%s", r.head)
				}
			})
		})
	}
}

func TestResponseHeadersKeepOrderAndLetterCase(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		lines := "x-LOWER: 1\r\nset-cookie: b=2\r\nSet-Cookie: a=1\r\nContent-Type: text/x\r\nX-RateLimit-Remaining: 7\r\nrequest-id: abc\r\n" +
			"Content-Encoding: gzip\r\nX-Empty: \r\nX-Obs: caf\xe9\r\nCONTENT-LENGTH: 2\r\nSET-cookie: c=3"
		g := start(t, via, newConfig(answering(t, "HTTP/1.1 299 Odd Reason\r\n"+lines+"\r\n\r\nhi").base()))
		c := g.dial()
		c.ask("GET /api HTTP/1.1")
		if got, want := c.head(), "HTTP/1.1 299 Odd Reason\r\n"+lines; got != want {
			t.Errorf("the client got\n%q, want\n%q", got, want)
		}
	})
}

func TestResponseHeadersPassAndNoneIsInvented(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, "HTTP/1.1 429 Slow Down\r\nSet-Cookie: b=2\r\nSet-Cookie: a=1\r\nX-Ratelimit-Remaining: 0\r\n"+
			"Retry-After: 7\r\nServer: other\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 4\r\n\r\nslow").base()))
		a := g.get("/api")
		want := http.Header{
			"Set-Cookie": {"b=2", "a=1"}, "X-Ratelimit-Remaining": {"0"}, "Retry-After": {"7"}, "Server": {"other"},
			"Date": {"Mon, 01 Jan 2024 00:00:00 GMT"}, "Access-Control-Allow-Origin": {"*"}, "Content-Length": {"4"},
		}
		if a.status != 429 || a.body != "slow" || !sameHeader(a.header, want) {
			t.Errorf("got %d %q %v, want %v", a.status, a.body, a.header, want)
		}
	})
}

func TestNothingIsAddedToABareAnswer(t *testing.T) {
	for _, row := range []struct {
		name, answer, body string
		header             http.Header
	}{
		{"by length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html", "<html", http.Header{"Content-Length": {"5"}}},
		{"empty by length", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", http.Header{"Content-Length": {"0"}}},
		{"chunked at once", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<html\r\n0\r\n\r\n", "<html", http.Header{}},
		{"chunked and empty", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", http.Header{}},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", "", http.Header{}},
		{"304", "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n", "", http.Header{"Etag": {`"x"`}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				g := start(t, via, newConfig(answering(t, row.answer).base()))
				a := g.get("/api")
				if a.body != row.body || a.err != nil || !sameHeader(a.header, row.header) {
					t.Errorf("got %q (%v) with %v, want %q with %v", a.body, a.err, a.header, row.body, row.header)
				}
			})
		})
	}
}

func sameHeader(a, b http.Header) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if !slices.Equal(a[name], b[name]) {
			return false
		}
	}
	return true
}

func TestHopByHopResponseHeadersAreDropped(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Named, content-length\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\n"+
			"Proxy-Connection: x\r\nProxy-Authenticate: Basic\r\nTrailer: X-T\r\nUpgrade: h2c\r\nTE: x\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nhi").base()))
		a := g.get("/api")
		if want := (http.Header{"X-Kept": {"1"}, "Content-Length": {"2"}}); !sameHeader(a.header, want) {
			t.Errorf("the client got %v, want %v", a.header, want)
		}
	})
}

// A 407 is a proxy's word only where there is a proxy that sees the request.
func TestStatusOfTheUpstreamsIsItsOwn(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		for _, status := range []int{401, 407, 408, 426, 451, 499, 502, 504, 599, 999} {
			g := start(t, via, newConfig(answering(t, answerOf(status, "theirs")).base()))
			if a := g.get("/api"); a.status != status || a.body != "theirs" || a.header.Get("X-Gw-Error") != "" {
				t.Errorf("got %d %q, want the upstream's %d", a.status, a.body, status)
			}
			if o := g.outcome(); o.End != gateway.Complete || o.Cause != nil {
				t.Errorf("%d is accounted as %s (%v)", status, o.End, o.Cause)
			}
		}
	})
}

func TestWhatTheUpstreamEchoesIsRelayed(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"up\"\r\nX-Gw-Error: theirs\r\nContent-Length: 11\r\n\r\n"+providerKey[:11]).base()))
		a := g.get("/api")
		if a.status != 401 || a.body != providerKey[:11] || a.header.Get("WWW-Authenticate") != `Bearer realm="up"` {
			t.Errorf("got %d %q %v", a.status, a.body, a.header)
		}
	})
}
