package server

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var madeID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestRequestIDIsTheClientsOrANewOne(t *testing.T) {
	longest := strings.Repeat("i", 128)
	for _, row := range []struct {
		name string
		sent []string
		want string // empty: a new one
	}{
		{"none came", nil, ""},
		{"the client's", []string{"X-Request-Id: order-66/~!{}"}, "order-66/~!{}"},
		{"in another case", []string{"x-REQUEST-id: abc"}, "abc"},
		{"the longest", []string{"X-Request-Id: " + longest}, longest},
		{"too long", []string{"X-Request-Id: " + longest + "i"}, ""},
		{"with a blank within", []string{"X-Request-Id: a b"}, ""},
		{"beyond ASCII", []string{"X-Request-Id: caf\u00e9"}, ""},
		{"a look-alike", []string{"X_Request_Id: abc"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
				a := g.get("/api", row.sent...)
				a.ok(t)
				id := g.line().RequestID
				if row.want == "" && !madeID.MatchString(id) || row.want != "" && id != row.want {
					t.Errorf("the access log has %q, want %q", id, row.want)
				}
				if got := u.only().all("X-Request-Id"); !slices.Equal(got, []string{id}) || u.only().has("X_Request_Id") {
					t.Errorf("the upstream got\n%s", u.only().head)
				}
				for _, name := range []string{"X-Request-Id", "X-Gw-Request-Id"} {
					if got := a.header.Values(name); !slices.Equal(got, []string{id}) {
						t.Errorf("the client reads %s: %q, want %q", name, got, id)
					}
				}
				if row.want == "" {
					g.get("/api", row.sent...).ok(t)
					if next := g.line().RequestID; next == id {
						t.Error("two requests have one id")
					}
				}
			})
		})
	}
}

func TestRequestIDGoesByTheNameOfTheConfiguration(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := run(t, via, "observability: {request_id_header: X-Correlation}\nroutes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		a := g.get("/api", "X-Correlation: mine", "X-Request-Id: another's")
		r := u.only()
		if !slices.Equal(r.all("X-Correlation"), []string{"mine"}) || !slices.Equal(r.all("X-Request-Id"), []string{"another's"}) {
			t.Errorf("the upstream got\n%s", r.head)
		}
		if a.header.Get("X-Correlation") != "mine" || a.header.Get("X-Gw-Request-Id") != "mine" || a.header.Get("X-Request-Id") != "" {
			t.Errorf("the client reads %v", a.header)
		}
	})
}

// What is injected under a name that is the gateway's to set would be a second
// value of it.
func TestRequestIDIsSentOnceWhateverIsInjected(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := run(t, via, `
observability: {tracing: {enabled: true, sample_ratio: 0, otlp: {endpoint: %q}}}
routes: [{id: api, prefix: /api, upstream: {base_url: %q, inject_headers: [{name: X-Request-ID, value: fixed}, {name: traceparent, value: fixed}, {name: x-kept, value: fixed}]}}]
`, closedPort(t), u.base())
		g.get("/api", "X-Request-Id: mine").ok(t)
		got := u.only()
		if ids := got.all("X-Request-Id"); !slices.Equal(ids, []string{"mine"}) {
			t.Errorf("the ids are %q", ids)
		}
		if parents := got.all("Traceparent"); len(parents) != 1 || !traceparent.MatchString(parents[0]) {
			t.Errorf("the parents are %q", parents)
		}
		if got.get("X-Kept") != "fixed" {
			t.Errorf("the upstream got\n%s", got.head)
		}
	})
}

func TestRequestIDOfTheUpstreamStaysBesideOurs(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, answerOf(200, "ok", "x-request-id: req_theirs"))
		g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		a := g.get("/api", "X-Request-Id: mine")
		if got := a.header.Values("X-Request-Id"); !slices.Equal(got, []string{"req_theirs"}) {
			t.Errorf("x-request-id is %q", got)
		}
		if got := a.header.Values("X-Gw-Request-Id"); !slices.Equal(got, []string{"mine"}) {
			t.Errorf("x-gw-request-id is %q", got)
		}
	})
}

func TestWithoutObservabilityNoRequestIDIsTouched(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := run(t, via, "routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		a := g.get("/api", "X-Request-Id: a b")
		if got := u.only().all("X-Request-Id"); !slices.Equal(got, []string{"a b"}) {
			t.Errorf("the upstream got %q", got)
		}
		if a.header.Get("X-Request-Id") != "" || a.header.Get("X-Gw-Request-Id") != "" {
			t.Errorf("the client reads %v", a.header)
		}
		g.get("/api").ok(t)
		if r := u.requests()[1]; r.has("X-Request-Id") {
			t.Errorf("the upstream got\n%s", r.head)
		}
	})
}

// Refusals carry the id too: it is what their client can name at night, and it
// finds the line with the cause.
func TestRequestIDIsOnRefusalsAndInTheLog(t *testing.T) {
	for _, row := range []struct {
		target string
		lines  []string
		status int
		failed bool
	}{
		{"/api/..", nil, 400, false},
		{"/api", []string{"Authorization: Bearer wrong"}, 401, false},
		{"/nowhere", nil, 404, false},
		{"/down", nil, 502, true},
		{"/slow", nil, 504, true},
	} {
		t.Run(row.target, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) { c.awaitClosed() })
				g := run(t, via, observed+`
routes:
  - {id: api, prefix: /api, upstream: {base_url: %[1]q}}
  - {id: down, prefix: /down, upstream: {base_url: %[2]q}}
  - {id: slow, prefix: /slow, upstream: {base_url: %[1]q, request_timeout_ms: 50}}
`, u.base(), closedPort(t))
				a := g.get(row.target, append(row.lines, "X-Request-Id: find-me")...)
				if a.status != row.status || a.header.Get("X-Request-Id") != "find-me" || a.header.Get("X-Gw-Request-Id") != "find-me" {
					t.Errorf("got %d with %v", a.status, a.header)
				}
				if l := g.line(); l.RequestID != "find-me" || l.Status != row.status || l.BytesOut != int64(len(a.body)) {
					t.Errorf("the access log has %+v", l)
				}
				if row.failed {
					g.said("request failed", `"request_id":"find-me"`)
				}
			})
		})
	}
}

func TestRequestIDIsOnWhatTheGatewayAnswersItself(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := run(t, via, operated, closedPort(t), true)
		for target, status := range map[string]int{"/healthz": 200, "/ops/numbers": 401, "/ops/admin/api/streams": 401} {
			a := g.get(target, "X-Request-Id: find-me")
			if a.status != status || a.header.Get("X-Request-Id") != "find-me" || a.header.Get("X-Gw-Request-Id") != "find-me" {
				t.Errorf("%s: got %d with %v", target, a.status, a.header)
			}
			if a = g.get(target); !madeID.MatchString(a.header.Get("X-Gw-Request-Id")) {
				t.Errorf("%s: got %v", target, a.header)
			}
		}
	})
	t.Run("unless they are off", func(t *testing.T) {
		g := run(t, inClear, "routes: [{id: all, prefix: /, upstream: {base_url: %q}}]", closedPort(t))
		if a := g.get("/healthz", "X-Request-Id: find-me"); a.header.Get("X-Request-Id") != "" || a.header.Get("X-Gw-Request-Id") != "" {
			t.Errorf("got %v", a.header)
		}
	})
}

// One id for all attempts of a request, for a stream's head and for a tunnel's.
func TestRequestIDIsThatOfAllAttempts(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		a, b := answering(t, answerOf(503, "")), newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send(eventHead + chunk("data: 1\n\n") + lastChunk)
		})
		g := run(t, via, observed+`
routes:
  - id: api
    prefix: /api
    upstreams: [{id: a, base_url: %q}, {id: b, base_url: %q, priority: 1}]
    retry: {max_attempts: 2}
`, a.base(), b.base())
		res := g.open(g.request("POST", "/api", strings.NewReader("hi")))
		io.Copy(io.Discard, res.Body)
		id := res.Header.Get("X-Gw-Request-Id")
		if !madeID.MatchString(id) || a.only().get("X-Request-Id") != id || b.only().get("X-Request-Id") != id || g.line().RequestID != id {
			t.Errorf("the client reads %q, the upstreams got %q and %q", id, a.only().get("X-Request-Id"), b.only().get("X-Request-Id"))
		}
	})
	over(t, http1Alone, func(t *testing.T, via transport) {
		u := echoing(t)
		g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		c := g.dial()
		c.handshake("/api", "")
		id := u.waitOnly().get("X-Request-Id")
		if h := c.head(); !madeID.MatchString(id) || !strings.Contains(strings.ToLower(h), "\r\nx-gw-request-id: "+id) {
			t.Errorf("the upstream got %q, the client %q", id, h)
		}
	})
}

// waitOnly waits for the one request that comes.
func (u *scriptedUpstream) waitOnly() *upstreamRequest {
	u.t.Helper()
	within(patienceOfTests, func() bool { return len(u.requests()) > 0 })
	return u.only()
}
