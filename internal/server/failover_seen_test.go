package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// tried2 is a route with a pool, whose second upstream is asked when no key of
// the first has an answer, and everything that an operator may look at.
const tried2 = observed + `
concurrency: {downstream_max_inflight: 1}
admin: {enabled: true, token: for-admins}
routes:
  - id: api
    prefix: /api
    upstreams:
      - {id: a, base_url: %[1]q, key_header: {name: authorization, prefix: "Bearer "}, keys: [{id: p, value: sk-p}, {id: q, value: sk-q}]}
      - {id: b, priority: 1, base_url: %[2]q, inject_headers: [{name: authorization, value: Bearer sk-b}]}
    load_balancing: {strategy: round_robin}
    retry: {max_attempts: 3}
    cooldown: {429: 60, "503": 40}
`

const countedAnswer = `{"model":"m-1","choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}`

// However often it was sent, a request is one: one line, one body in and one
// out. Each attempt is counted by itself.
func TestRequestOfThreeAttemptsIsOneRequest(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				const path = "/v1/chat/completions"
				const body = `{"model":"asked","messages":[]}`
				a := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					c.readBody(r)
					c.send(answerOf(map[string]int{"p": 429, "q": 503}[keyOf(r)], countedAnswer, "Content-Type: application/json"))
				})
				b := answering(t, answerOf(200, countedAnswer, "Content-Type: application/json"))
				g := run(t, via, strings.Replace(tried2, "format: json", "format: "+format, 1), a.base(), b.base())
				g.post("/api"+path, body, "Content-Type: application/json").ok(t)
				g.attempted("a/p status_429, a/q status_503, b ok")
				// What is in cooldown is not asked again: the next one goes to b at once.
				g.post("/api"+path, body, "Content-Type: application/json").ok(t)
				g.attempted("b ok")
				if keys := a.keysOf(); keys != "p q" || len(b.requests()) != 2 {
					t.Errorf("the keys %q were asked, and b %d times", keys, len(b.requests()))
				}

				g.watched.Close(patienceOfTests) // writes out what waits
				first, _, _ := strings.Cut(g.stdout.String(), "\n")
				fields := fieldsOf(t, format, first)
				for name, want := range map[string]string{
					"route": "api", "method": "POST", "path": "/api" + path, "status": "200", "code": "", "upstream": "b", "key": "", "attempts": "3",
					"bytes_in": fmt.Sprint(len(body)), "bytes_out": fmt.Sprint(len(countedAnswer)), "end": "complete", "model": "asked",
					"usage.input_uncached": "3", "usage.output": "5", "usage.total": "8",
				} {
					if got := fields[name]; got != want {
						t.Errorf("%s is %q, want %q, in %s", name, got, want, first)
					}
				}
				for series, want := range map[string]string{
					`gateway_requests_total{code="",method="POST",route="api",status="200"}`:                "2",
					`gateway_limit_rejections_total{kind="upstream",route="api"}`:                           "0",
					`gateway_upstream_attempts_total{key="p",result="status_429",route="api",upstream="a"}`: "1",
					`gateway_upstream_attempts_total{key="q",result="status_503",route="api",upstream="a"}`: "1",
					`gateway_upstream_attempts_total{key="",result="ok",route="api",upstream="b"}`:          "2",
					`gateway_time_to_first_byte_seconds_count{route="api"}`:                                 "2",
					`gateway_overhead_seconds_count{route="api"}`:                                           "2",
					`gateway_request_duration_seconds_count{route="api"}`:                                   "2",
					`gateway_bytes_total{direction="in",route="api"}`:                                       fmt.Sprint(2 * len(body)),
					`gateway_bytes_total{direction="out",route="api"}`:                                      fmt.Sprint(2 * len(countedAnswer)),
					`gateway_tokens_total{kind="output",model="asked",route="api"}`:                         "10",
					`gateway_key_cooldown{key="p",route="api",upstream="a"}`:                                "1",
					`gateway_key_cooldown{key="q",route="api",upstream="a"}`:                                "1",
					`gateway_key_cooldown{key="",route="api",upstream="b"}`:                                 "0",
				} {
					g.counts(series, want)
				}
			})
		})
	}
}

// fieldsOf takes a line of the access log apart, in either format. Usage's
// figures are fields of their own, and what is null is not there.
func fieldsOf(t *testing.T, format, line string) map[string]string {
	t.Helper()
	fields := make(map[string]string)
	if format == "text" {
		for field := range strings.FieldsSeq(line) {
			name, value, _ := strings.Cut(field, "=")
			fields[name] = strings.Trim(value, `"`)
		}
		return fields
	}
	var all map[string]any
	if err := json.Unmarshal([]byte(line), &all); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	usage, _ := all["usage"].(map[string]any)
	for name, value := range usage {
		all["usage."+name] = value
	}
	for name, value := range all {
		if value != nil {
			fields[name] = fmt.Sprint(value)
		}
	}
	return fields
}

// A place in the minute is for a request, not for each of its attempts.
func TestAttemptsTakeOnePlaceInTheMinute(t *testing.T) {
	withinAMinute(t, func(t *testing.T, via transport) func() {
		a, b := answering(t, answerOf(503, "")), answering(t, okAnswer)
		c := uncooled(retrying(a.base(), b.base()))
		c.RateLimit.PerMinute = 2
		g := start(t, via, c)
		first, second, third := g.post("/api", "hi"), g.post("/api", "hi"), g.post("/api", "hi")
		return func() {
			first.ok(t)
			second.ok(t)
			third.refusal(t, 429, "rate_limited")
			if n := len(a.requests()) + len(b.requests()); n != 4 {
				t.Errorf("the upstreams got %d requests, want 4", n)
			}
		}
	})
}

// What was tried in vain is on stderr where it is a failure, and why there was
// no other attempt where there might have been one.
func TestLogSaysWhyThereWasNoOtherAttempt(t *testing.T) {
	for _, row := range []struct {
		name, retry, keys, want string
		pause                   time.Duration // within the answer: longer than it is read for, its slot stays taken
	}{
		{"the body is too large", "max_replay_body_bytes: 3", "", "not retried: the request's body is larger than retry.max_replay_body_bytes", 0},
		{"no slot is left", "max_replay_body_bytes: 100", ", upstream_key_max_inflight: 1", "not retried: no key has a slot left", 1500 * time.Millisecond},
	} {
		for _, format := range []string{"json", "text"} {
			t.Run(row.name+" "+format, func(t *testing.T) {
				overAtOnce(t, clearOrHTTP2, func(t *testing.T, via transport) {
					u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
						c.readBody(r)
						c.send("HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nslow")
						waitFor(row.pause)
						c.send(" down")
					})
					g := run(t, via, `
observability: {logging: {format: %s}}
routes:
  - {id: api, prefix: /api, upstream: {base_url: %q, inject_headers: [{name: authorization, value: Bearer sk-provider}]%s}, retry: {max_attempts: 2, %s}}
`, format, u.base(), row.keys, row.retry)
					if a := g.post("/api", "four", "X-Request-Id: find-me"); a.status != 503 || a.body != "slow down" || a.err != nil {
						t.Errorf("got %d %q (%v), want the upstream's answer", a.status, a.body, a.err)
					}
					g.attempted("http://" + hostOf(u.base()) + " status_503")
					level := map[string]string{"json": `"level":"WARN"`, "text": "level=WARN"}[format]
					g.said(row.want, level, "find-me", "503")
				})
			})
		}
	}
}

// A request that waits for its next attempt is in flight: it is listed with where
// it goes, it holds its place, and that of the key it goes to.
func TestRequestThatWaitsForItsNextAttemptIsInFlight(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send(answerOf(429, "later", "Retry-After: 20"))
		})
		g := run(t, via, observed+`
concurrency: {downstream_max_inflight: 1}
admin: {enabled: true, token: for-admins}
routes:
  - id: api
    prefix: /api
    upstreams: [{id: a, base_url: %q, key_header: {name: x-api-key}, keys: [{id: p, value: sk-p}]}]
    retry: {max_attempts: 2}
`, u.base())
		leave := g.leaving("POST", "/api")
		type stream struct {
			Upstream, Key, State string
			BytesIn              int64  `json:"bytes_in"`
			TTFB                 *int64 `json:"ttfb_ms"`
		}
		var list struct{ Streams []stream }
		if !within(patienceOfTests, func() bool {
			a := g.get("/admin/api/streams", "Authorization: Bearer for-admins")
			list.Streams = nil
			return json.Unmarshal([]byte(a.body), &list) == nil && len(u.requests()) == 1 && len(list.Streams) == 1 && list.Streams[0].State == "waiting"
		}) {
			t.Fatalf("it is listed as %+v", list)
		}
		if got, want := list.Streams[0], (stream{"a", "p", "waiting", 2, nil}); got != want {
			t.Errorf("it is listed as %+v, want %+v", got, want)
		}
		g.get("/api").refusal(t, 503, "downstream_concurrency_exceeded")
		g.counts(`gateway_inflight_requests{route="api"}`, "1")
		g.counts(`gateway_streams_inflight{route="api"}`, "0")
		g.outcome()
		leave()
		if o := g.outcome(); results(o) != "a/p status_429" || o.End != "client_gone" {
			t.Errorf("it ended as %s after %q", o.End, results(o))
		}
		g.counts(`gateway_inflight_requests{route="api"}`, "0")
		g.counts(`gateway_requests_total{code="",method="POST",route="api",status="0"}`, "1")
	})
}

// Cooling is told with route, upstream, key, why and for how long, at its
// beginning and at its end, in the format of the log.
func TestCoolingIsToldFromItsBeginningToItsEnd(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			over(t, anyWouldDo, func(t *testing.T, via transport) {
				failed := make(chan bool, 1)
				failed <- true
				u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
					select {
					case <-failed:
						c.send(answerOf(429, "", "retry-after-ms: 300"))
					default:
						c.send(okAnswer)
					}
				})
				g := run(t, via, `
observability: {logging: {format: %s}, metrics: {enabled: true, token: operator-metrics}}
routes:
  - id: api
    prefix: /api
    upstreams: [{id: a, base_url: %q, key_header: {name: x-api-key}, keys: [{id: p, value: sk-p, weight: 1000000}, {id: q, value: sk-q}]}]
    load_balancing: {strategy: round_robin}
`, format, u.base())
				if a := g.get("/api"); a.status != 429 {
					t.Fatalf("got %d", a.status)
				}
				g.counts(`gateway_key_cooldown{key="p",route="api",upstream="a"}`, "1")
				field := func(name, value string) string {
					if format == "json" {
						return fmt.Sprintf("%q:%q", name, value)
					}
					return name + "=" + value
				}
				g.said("cooldown begins", field("level", "WARN"), field("route", "api"), field("upstream", "a"), field("key", "p"), field("why", "status_429"), field("for", "300ms"))
				g.said("cooldown ends", field("level", "INFO"), field("route", "api"), field("upstream", "a"), field("key", "p"), field("why", "status_429"))
				g.counts(`gateway_key_cooldown{key="p",route="api",upstream="a"}`, "0")
			})
		})
	}
}

// The figures count however an answer is named, or not named at all.
func TestUsageIsReadWhateverTheContentTypeIsCalled(t *testing.T) {
	const events = "data: " + countedAnswer + "\n\ndata: [DONE]\n\n"
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		answers := map[string]string{
			"/json":    answerOf(200, countedAnswer, "Content-Type: Application/JSON;charset=UTF-8"),
			"/created": answerOf(201, countedAnswer, "Content-Type: application/vnd.api+json"),
			"/unnamed": answerOf(200, countedAnswer),
			"/events":  answerOf(200, events, "Content-Type: Text/Event-Stream; charset=utf-8"),
			"/stream":  answerOf(200, events),
			"/failed":  answerOf(400, countedAnswer, "Content-Type: application/json"),
			"/page":    answerOf(200, "<html>"+countedAnswer, "Content-Type: text/html"),
		}
		u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			c.send(answers[r.target])
		})
		g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		for target := range answers {
			g.post("/api"+target, `{"model":"m-1"}`)
			l := g.line()
			if counted := l.Usage != nil && *l.Usage.Output == 5 && *l.Usage.Input == 3; counted == (target == "/failed" || target == "/page") {
				t.Errorf("%s: the access log has %+v", target, l)
			}
			if l.End != "complete" || l.Model != "m-1" {
				t.Errorf("%s: the access log has %+v", target, l)
			}
		}
		g.counts(`gateway_tokens_total{kind="output",model="m-1",route="api"}`, "25")
	})
}
