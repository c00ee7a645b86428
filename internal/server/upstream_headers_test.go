package server

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestUserAgentOfTheConfigurationReplacesTheClients(t *testing.T) {
	for _, row := range []struct {
		name, configured string
		sent, want       []string
	}{
		{"replaces", "gateway/1 (ops)", []string{"User-Agent: curl/8"}, []string{"gateway/1 (ops)"}},
		{"replaces none", "gateway/1 (ops)", nil, []string{"gateway/1 (ops)"}},
		{"replaces its look-alike", "gateway/1 (ops)", []string{"User-Agent: curl/8", "User_Agent: curl/8"}, []string{"gateway/1 (ops)"}},
		{"is not configured", "", []string{"User-Agent: curl/8"}, []string{"curl/8"}},
		{"is not configured, and none came", "", nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := run(t, via, "routes: [{id: api, prefix: /api, upstream: {base_url: %q, user_agent: %q}}]", u.base(), row.configured)
				g.get("/api", row.sent...).ok(t)
				if r := u.only(); !slices.Equal(r.all("User-Agent"), row.want) || r.has("User_Agent") {
					t.Errorf("the upstream got\n%s", r.head)
				}
			})
		})
	}
}

// Each upstream has its own, in a WebSocket's handshake too.
func TestUserAgentIsThatOfTheAttemptsUpstream(t *testing.T) {
	over(t, http1Alone, func(t *testing.T, via transport) {
		a, b := answering(t, answerOf(503, "")), echoing(t)
		g := run(t, via, `
routes:
  - id: api
    prefix: /api
    upstreams:
      - {id: a, base_url: %q, user_agent: "first/1"}
      - {id: b, priority: 1, base_url: %q, user_agent: "second/1"}
    retry: {max_attempts: 2}
`, a.base(), b.base())
		c := g.dial()
		c.handshake("/api", "")
		c.opened()
		if first, second := a.only().all("User-Agent"), b.only().all("User-Agent"); !slices.Equal(first, []string{"first/1"}) || !slices.Equal(second, []string{"second/1"}) {
			t.Errorf("they were %q and %q", first, second)
		}
	})
}

// telling has an answer's head with what operators keep back, and with what
// resembles it.
const telling = "Openai-Organization: acme\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nx_internal_node: n7\r\nOpenai-Version: 2020-10-01\r\nX-Ratelimit-Remaining: 7\r\n"

const keepsBack = "remove_response_headers: [openai-organization, Set-Cookie, X-Internal-Node, content-type]"

func isKeptBack(t *testing.T, h http.Header) {
	t.Helper()
	for _, name := range []string{"Openai-Organization", "Set-Cookie", "X_internal_node", "Content-Type"} {
		if v, ok := h[name]; ok {
			t.Errorf("the client reads %s: %q", name, v)
		}
	}
	if h.Get("Openai-Version") == "" || h.Get("X-Ratelimit-Remaining") == "" {
		t.Errorf("the client misses a header that nobody keeps back: %v", h)
	}
}

func TestRemovedResponseHeadersReachNoClient(t *testing.T) {
	for _, status := range []string{"200 OK", "429 Slow Down", "500 Oops"} {
		over(t, transports, func(t *testing.T, via transport) {
			u := answering(t, "HTTP/1.1 "+status+"\r\nContent-Type: application/json\r\n"+telling+"Content-Length: 2\r\n\r\n{}")
			g := run(t, via, "routes: [{id: api, prefix: /api, upstream: {base_url: %q, %s}}]", u.base(), keepsBack)
			a := g.get("/api")
			isKeptBack(t, a.header)
			if a.body != "{}" || a.err != nil || a.header.Get("Content-Length") != "2" {
				t.Errorf("the answer is %q with %v (%v)", a.body, a.header, a.err)
			}
		})
	}
}

// What the gateway makes of a stream does not hang on what the client may see
// of its head: events come one by one, beyond the request's budget, end as they
// should, and are counted.
func TestStreamIsAStreamWithoutItsContentType(t *testing.T) {
	const (
		first = `data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"a"}}]}` + "\n\n"
		last  = `data: {"model":"m-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}` + "\n\n" + "data: [DONE]\n\n"
	)
	for _, row := range []struct {
		name, framing, last string
		whole               bool
	}{
		{"chunked", "Transfer-Encoding: chunked\r\n", chunk(last) + lastChunk, true},
		{"until it closes", "", last, true},
		{"broken off", "Transfer-Encoding: chunked\r\n", chunk(last), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			overAtOnce(t, transports, func(t *testing.T, via transport) {
				goOn, going := gate(t)
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					event := first
					if row.framing != "" {
						event = chunk(first)
					}
					c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + telling + row.framing + "\r\n" + event)
					<-going
					c.send(row.last)
					c.hangUp()
				})
				g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q, request_timeout_ms: %d, %s}}]", u.base(), unhurried.Milliseconds(), keepsBack)
				res := g.open(g.request("GET", "/api/v1/chat/completions", nil))
				isKeptBack(t, res.Header)
				got := make([]byte, len(first))
				if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != first {
					t.Fatalf("the first event is %q, %v", got, err)
				}
				waitFor(2 * unhurried)
				goOn()
				rest, err := io.ReadAll(res.Body)
				if string(rest) != last || (err == nil) != row.whole {
					t.Errorf("it ended with %q, %v", rest, err)
				}
				end := map[bool]string{true: "complete", false: "upstream_broken"}[row.whole]
				if l := g.line(); l.End != end || l.Usage == nil || l.Usage.Output == nil || *l.Usage.Output != 5 {
					t.Errorf("the access log has %+v", l)
				}
				g.counts(`gateway_streams_total{end="`+end+`",route="api"}`, "1")
			})
		})
	}
}

// The gateway's own errors are not the upstream's to strip.
func TestRemovedResponseHeadersStayOnRefusals(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q, remove_response_headers: [x-gw-error, x-request-id, content-type]}}]", closedPort(t))
		a := g.get("/api", "X-Request-Id: asked")
		a.refusal(t, 502, "upstream_connect_error")
		if a.header.Get("X-Gw-Error") == "" || a.header.Get("X-Request-Id") != "asked" {
			t.Errorf("the client reads %v", a.header)
		}
	})
}

// An upstream cannot pass for the gateway by sending a header of its kind.
func TestRequestIDOfTheGatewayIsNotTheUpstreamsToSet(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, answerOf(200, "ok", "X-Gw-Request-Id: theirs", "x-gw-request-id: again"))
		g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		if got := g.get("/api", "X-Request-Id: mine").header.Values("X-Gw-Request-Id"); strings.Join(got, "|") != "mine" {
			t.Errorf("x-gw-request-id is %q", got)
		}
	})
}
