package server

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID = "00f067aa0ba902b7"
)

var traceparent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$`)

// traced is a route with tracing on, to a collector that is away.
const traced = "observability: {tracing: {enabled: true, sample_ratio: %s, otlp: {endpoint: %q}}}\nroutes: [{id: api, prefix: /api, upstream: {base_url: %q}}]"

// W3C Trace Context: a trace that can be read is continued, with a span of our
// own for its parent and the caller's decision to sample; else one begins.
func TestTraceIsContinuedOrBegun(t *testing.T) {
	for _, row := range []struct {
		name, sent, ratio string
		continued         bool
		flags             string
	}{
		{"none came", "", "1", false, "01"},
		{"none came, none is kept", "", "0", false, "00"},
		{"sampled", "00-" + traceID + "-" + parentID + "-01", "0", true, "01"},
		{"not sampled", "00-" + traceID + "-" + parentID + "-00", "1", true, "00"},
		{"other flags", "00-" + traceID + "-" + parentID + "-ff", "0", true, "01"},
		{"a later version", "cc-" + traceID + "-" + parentID + "-01-what-comes", "0", true, "01"},
		{"an invalid version", "ff-" + traceID + "-" + parentID + "-01", "0", false, "00"},
		{"more than version 00 has", "00-" + traceID + "-" + parentID + "-01-more", "0", false, "00"},
		{"a later version, not set apart", "cc-" + traceID + "-" + parentID + "-01.more", "0", false, "00"},
		{"capital letters", "00-" + strings.ToUpper(traceID) + "-" + parentID + "-01", "0", false, "00"},
		{"no trace", "00-" + strings.Repeat("0", 32) + "-" + parentID + "-01", "0", false, "00"},
		{"no parent", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", "0", false, "00"},
		{"no hexadecimal", "00-" + strings.Replace(traceID, "4", "g", 1) + "-" + parentID + "-01", "0", false, "00"},
		{"too short", "00-" + traceID + "-" + parentID, "0", false, "00"},
		{"garbage", "hello", "0", false, "00"},
		{"two", "00-" + traceID + "-" + parentID + "-01\r\nTraceparent: 00-" + strings.Repeat("5", 32) + "-" + parentID + "-01", "0", false, "00"},
		{"the same twice", "00-" + traceID + "-" + parentID + "-01\r\nTraceparent: 00-" + traceID + "-" + parentID + "-01", "0", false, "00"},
		{"a good one after garbage", "hello\r\nTraceparent: 00-" + traceID + "-" + parentID + "-01", "0", false, "00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := run(t, via, traced, row.ratio, closedPort(t), u.base())
				var lines []string
				if row.sent != "" {
					lines = append(strings.Split("Traceparent: "+row.sent, "\r\n"), "Tracestate: vendor=1")
				}
				a := g.get("/api", lines...)
				a.ok(t)
				got := u.only().all("Traceparent")
				if len(got) != 1 || !traceparent.MatchString(got[0]) {
					t.Fatalf("traceparent is %q", got)
				}
				m := traceparent.FindStringSubmatch(got[0])
				if (m[1] == traceID) != row.continued || m[1] == strings.Repeat("5", 32) || m[3] != row.flags || m[2] == parentID || strings.Trim(m[1], "0") == "" || strings.Trim(m[2], "0") == "" {
					t.Errorf("traceparent is %s", got[0])
				}
				if row.continued && u.only().get("Tracestate") != "vendor=1" {
					t.Errorf("the upstream got\n%s", u.only().head)
				}
				if !row.continued && u.only().get("Tracestate") != "" {
					t.Errorf("the state of a trace that could not be read goes on with a new one:\n%s", u.only().head)
				}
				if a.header.Get("Traceparent") != "" {
					t.Error("the client reads a traceparent")
				}
			})
		})
	}
}

func TestWithoutTracingATraceparentPassesAsItIs(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := run(t, via, observed+"routes: [{id: api, prefix: /api, upstream: {base_url: %q}}]", u.base())
		g.get("/api", "Traceparent: anything", "Tracestate: vendor=1").ok(t)
		g.get("/api").ok(t)
		first, second := u.requests()[0], u.requests()[1]
		if !slices.Equal(first.all("Traceparent"), []string{"anything"}) || first.get("Tracestate") != "vendor=1" || second.has("Traceparent") {
			t.Errorf("the upstream got\n%s\n%s", first.head, second.head)
		}
	})
}

// Each attempt is a span of its own in the same trace.
func TestEachAttemptHasASpanOfItsOwn(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		a, b := answering(t, answerOf(503, "")), answering(t, okAnswer)
		g := run(t, via, `
observability: {tracing: {enabled: true, sample_ratio: 0, otlp: {endpoint: %q}}}
routes:
  - id: api
    prefix: /api
    upstreams: [{id: a, base_url: %q}, {id: b, base_url: %q, priority: 1}]
    retry: {max_attempts: 2}
`, closedPort(t), a.base(), b.base())
		g.post("/api", "hi", "Traceparent: 00-"+traceID+"-"+parentID+"-00").ok(t)
		first, second := traceparent.FindStringSubmatch(a.only().get("Traceparent")), traceparent.FindStringSubmatch(b.only().get("Traceparent"))
		if first == nil || second == nil || first[1] != traceID || second[1] != traceID || first[2] == second[2] || first[2] == parentID || second[2] == parentID {
			t.Errorf("they were %q and %q", first, second)
		}
	})
}
