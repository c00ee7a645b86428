package server

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// dialect is the shape of errors that an SDK parses, and the paths it asks for.
type dialect struct {
	name  string
	paths []string
	body  func(native) string
}

// native is what a code looks like in each dialect.
type native struct {
	status                    int
	code                      string
	openAI, anthropic, google string
}

var dialects = []dialect{
	{"OpenAI", []string{"/v1/chat/completions", "/v1/responses", "/v1beta/openai/chat/completions", "/v1beta1/projects/p/locations/l/endpoints/openapi/chat/completions", "/v1/models?like=/v1/messages"}, func(n native) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":"gateway: %s","param":null,"type":%q}}`, n.code, n.code, n.openAI)
	}},
	{"Anthropic", []string{"/v1/messages", "/v1/messages/count_tokens"}, func(n native) string {
		return fmt.Sprintf(`{"error":{"message":"gateway: %s","type":%q},"type":"error"}`, n.code, n.anthropic)
	}},
	{"Gemini", []string{"/v1beta/models/m:generateContent", "/v1/models/m:streamGenerateContent?alt=sse", "/v1/models/m:embedContent", "/v1beta/models/m:batchEmbedContents", "/v1alpha/auth_tokens", "/upload/v1alpha/files", "/v1beta1/projects/p/locations/l/cachedContents", "/v1/models/m:batchEmbedContents"}, func(n native) string {
		return fmt.Sprintf(`{"error":{"code":%d,"message":"gateway: %s","status":%q}}`, n.status, n.code, n.google)
	}},
}

// refused is how a client comes by a refusal.
type refused struct {
	native
	prefix     string
	config     string // beside the routes
	method     string
	lines      []string
	retryAfter int               // at most; 0: none
	before     func(*program)    // what has to happen first
	more       map[string]string // headers beside the usual
}

var everyRefusal = []refused{
	{native: native{400, "invalid_path", "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"}, prefix: "/api/.."},
	{native: native{401, "unauthorized", "authentication_error", "authentication_error", "UNAUTHENTICATED"}, prefix: "/api",
		lines: []string{"Authorization: Bearer wrong"}, more: map[string]string{"Www-Authenticate": "Bearer"}},
	{native: native{403, "cors_origin_not_allowed", "permission_error", "permission_error", "PERMISSION_DENIED"}, prefix: "/api",
		config: "cors: {enabled: true, allow_origins: [https://app.example]}",
		method: "OPTIONS", lines: []string{"Origin: https://evil.example", "Access-Control-Request-Method: POST"}},
	{native: native{404, "route_not_found", "invalid_request_error", "not_found_error", "NOT_FOUND"}, prefix: "/nowhere"},
	{native: native{429, "rate_limited", "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"}, prefix: "/api",
		config: "rate_limit: {per_minute: 1}", retryAfter: 60, before: func(g *program) { g.get("/api/ok") }},
	{native: native{502, "upstream_connect_error", "server_error", "api_error", "UNAVAILABLE"}, prefix: "/down"},
	{native: native{502, "upstream_request_failed", "server_error", "api_error", "UNAVAILABLE"}, prefix: "/failing"},
	{native: native{503, "downstream_concurrency_exceeded", "server_error", "api_error", "UNAVAILABLE"}, prefix: "/api",
		config: "concurrency: {downstream_max_inflight: 1}", retryAfter: 1, before: func(g *program) { g.open(g.request("GET", "/api/held", nil)) }},
	{native: native{503, "upstream_concurrency_exceeded", "server_error", "api_error", "UNAVAILABLE"}, prefix: "/api",
		config: "concurrency: {upstream_per_key_max_inflight: 1}", retryAfter: 1, before: func(g *program) { g.open(g.request("GET", "/api/held", nil)) }},
	{native: native{504, "upstream_timeout", "server_error", "timeout_error", "DEADLINE_EXCEEDED"}, prefix: "/slow"},
}

// refuse has a client meet the refusal on a path. The turn of a minute may let
// one request more pass.
func (r *refused) refuse(g *program, path string) *answer {
	method, body := r.method, io.Reader(nil)
	if method == "" {
		method, body = "POST", strings.NewReader("{}")
	}
	a := g.do(g.request(method, r.prefix+path, body, r.lines...))
	if a.status == 200 && r.code == "rate_limited" {
		a = g.do(g.request(method, r.prefix+path, body, r.lines...))
	}
	return a
}

func runRefusing(t *testing.T, via transport, format string, r *refused) *program {
	t.Helper()
	u := newUpstream(t, func(c *upstreamConn, q *upstreamRequest) {
		switch {
		case strings.HasPrefix(q.target, "/held"):
			c.send(eventHead)
			c.awaitGatewayGone()
		case strings.HasPrefix(q.target, "/slow"):
			c.awaitGatewayGone()
		case strings.HasPrefix(q.target, "/failing"):
			c.hangUp()
		default:
			answerOK(c, q)
		}
	})
	g := run(t, via, `
errors: {format: %s}
%s
routes:
  - {id: api, prefix: /api, upstream: {base_url: %[3]q, inject_headers: [{name: authorization, value: k}]}}
  - {id: failing, prefix: /failing, upstream: {base_url: %[3]q, strip_prefix: false, inject_headers: [{name: authorization, value: k}]}}
  - {id: slow, prefix: /slow, upstream: {base_url: %[3]q, strip_prefix: false, request_timeout_ms: 50, inject_headers: [{name: authorization, value: k}]}}
  - {id: down, prefix: /down, upstream: {base_url: %[4]q, inject_headers: [{name: authorization, value: k}]}}
`, format, r.config, u.base(), closedPort(t))
	if r.before != nil {
		r.before(g)
	}
	return g
}

// Every refusal, in the shape that the caller's SDK raises its own error from.
// Status and headers do not depend on the shape.
func TestNativeRefusalsHaveTheShapeOfTheCallersSDK(t *testing.T) {
	for i := range everyRefusal {
		r := &everyRefusal[i]
		t.Run(r.code, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				g := runRefusing(t, via, "native", r)
				for _, d := range dialects {
					for _, path := range d.paths {
						isNative(t, d.name+" "+path, r.refuse(g, path), r, d.body(r.native))
					}
				}
			})
		})
	}
}

func isNative(t *testing.T, who string, a *answer, r *refused, body string) {
	t.Helper()
	if a.status != r.status || a.body != body || a.err != nil {
		t.Errorf("%s got %d %s (%v), want %d %s", who, a.status, a.body, a.err, r.status, body)
	}
	want := http.Header{"Content-Type": {"application/json"}, "X-Gw-Error": {r.code}, "Content-Length": {strconv.Itoa(len(body))}}
	for name, value := range r.more {
		want.Set(name, value)
	}
	if r.config != "" && strings.HasPrefix(r.config, "cors") {
		want.Set("Vary", "Origin")
	}
	got := a.header.Clone()
	if secs, err := strconv.Atoi(got.Get("Retry-After")); r.retryAfter > 0 {
		if err != nil || secs < 1 || secs > r.retryAfter {
			t.Errorf("%s: Retry-After is %q, want 1 to %d", who, got.Get("Retry-After"), r.retryAfter)
		}
		got.Del("Retry-After")
	}
	got.Del("Connection")
	if !sameHeader(got, want) {
		t.Errorf("%s reads %v, want %v", who, got, want)
	}
}

func TestSimpleRefusalsAreSimpleForEverySDK(t *testing.T) {
	for i := range everyRefusal {
		r := &everyRefusal[i]
		t.Run(r.code, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				g := runRefusing(t, via, "simple", r)
				for _, d := range dialects {
					isNative(t, d.name, r.refuse(g, d.paths[0]), r, fmt.Sprintf(`{"error":%q}`, r.code))
				}
			})
		})
	}
}

// A HEAD has the length of the body that it does not get.
func TestNativeRefusalOfAHEADHasNoBody(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := run(t, via, "errors: {format: native}\nroutes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", closedPort(t))
		a := g.do(g.request("HEAD", "/nowhere/v1/messages", nil))
		if a.status != 404 || a.body != "" || a.header.Get("Content-Length") != strconv.Itoa(len(dialects[1].body(native{404, "route_not_found", "", "not_found_error", ""}))) {
			t.Errorf("got %d %q %v", a.status, a.body, a.header)
		}
	})
}

// A provider's own error is never mistaken for the gateway's, nor changed.
func TestNativeFormLeavesTheProvidersErrorsAlone(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		const theirs = `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`
		u := answering(t, answerOf(529, theirs, "Content-Type: application/json"))
		g := run(t, via, "errors: {format: native}\nroutes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		if a := g.post("/api/v1/messages", "{}"); a.status != 529 || a.body != theirs || a.header.Get("X-Gw-Error") != "" {
			t.Errorf("got %d %q %v", a.status, a.body, a.header)
		}
	})
}

// Once a head is out no error can be sent: the stream breaks, and nothing is
// put into it.
func TestNativeErrorIsNeverPutIntoAStream(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.send(eventHead + chunk("data: 1\n\n"))
			c.reset()
		})
		g := run(t, via, "errors: {format: native}\nroutes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		a, err := g.try(g.request("GET", "/api/v1/messages", nil))
		if err == nil && (a.err == nil || a.status == 200 && strings.Contains(a.body, "gateway")) {
			t.Errorf("got %d %q, %v", a.status, a.body, a.err)
		}
		if o := g.outcome(); o.End != "upstream_broken" {
			t.Errorf("it is accounted as %s", o.End)
		}
	})
}
