package server

import "testing"

// An answer that is kept while another upstream is tried is still that of the
// upstream that gave it: what that one keeps back stays back.
func TestHeldAnswerLosesTheHeadersOfItsOwnUpstream(t *testing.T) {
	over(t, anyWouldDo, func(t *testing.T, via transport) {
		a := answering(t, answerOf(503, "busy", "Openai-Organization: acme", "X-Other: stays"))
		c := retrying(a.base(), closedPort(t))
		c.Routes[0].Retry.MaxAttempts = 2
		c.Routes[0].Upstreams[0].RemoveResponseHeaders = []string{"openai-organization"}
		c.Routes[0].Upstreams[1].RemoveResponseHeaders = []string{"x-other"}
		g := start(t, via, c)
		res := g.get("/api")
		if res.status != 503 || res.body != "busy" {
			t.Fatalf("got %d %q, want the upstream's 503", res.status, res.body)
		}
		if v := res.header.Values("Openai-Organization"); len(v) > 0 {
			t.Errorf("the client reads %q", v)
		}
		if res.header.Get("X-Other") != "stays" {
			t.Error("a header is missing that its upstream lets pass")
		}
	})
}
