package server

import (
	"fmt"
	"testing"

	"ai-gw-lite/internal/config"
)

// The nearest cap counts: a key's own, else its upstream's, else the general one.
func TestNearestCapOfAKeyCounts(t *testing.T) {
	for _, row := range []struct {
		general, upstream, key int // 0: not given
		isPool                 bool
		want                   int
	}{
		{1, 0, 0, false, 1}, {1, 2, 0, false, 2}, {3, 2, 0, false, 2}, {0, 2, 0, false, 2},
		{1, 0, 0, true, 1}, {1, 2, 0, true, 2}, {1, 0, 2, true, 2}, {1, 3, 2, true, 2}, {3, 1, 2, true, 2}, {0, 0, 2, true, 2},
	} {
		t.Run(fmt.Sprintf("%+v", row), func(t *testing.T) {
			u := newHolding(t)
			c := several(u.base())
			one := &c.Routes[0].Upstreams[0]
			if row.isPool {
				pooled(one, "p")
				one.Keys[0].MaxInflight = row.key
			}
			one.KeyMaxInflight = row.upstream
			c.Concurrency.UpstreamPerKeyMaxInflight = row.general
			g := start(t, inClear, c)
			var answers []<-chan *answer
			for range row.want {
				answers = append(answers, g.begin(g.request("GET", "/api", nil)))
				u.next()
			}
			g.get("/api").refusal(t, 503, "upstream_concurrency_exceeded")
			u.letGo()
			for _, one := range answers {
				receive(t, one, "an answer").ok(t)
			}
		})
	}
}

// The same key on two upstreams of a route is one key, on two routes it is two.
func TestKeyIsCountedOncePerRoute(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		a, b := newHolding(t), newHolding(t)
		c := several(a.base(), b.base())
		c.Concurrency.UpstreamPerKeyMaxInflight = 1
		for i := range c.Routes[0].Upstreams {
			c.Routes[0].Upstreams[i].InjectHeaders = []config.Header{{Name: "authorization", Value: "Bearer sk-shared"}}
		}
		other := newRoute("other", "/other", b.base())
		other.Upstreams[0].InjectHeaders = c.Routes[0].Upstreams[0].InjectHeaders
		c.Routes = append(c.Routes, other)
		g := start(t, via, c)
		first := g.begin(g.request("GET", "/api", nil))
		a.next()
		g.get("/api").refusal(t, 503, "upstream_concurrency_exceeded")
		second := g.begin(g.request("GET", "/other", nil))
		b.next()
		a.letGo()
		b.letGo()
		receive(t, first, "an answer").ok(t)
		receive(t, second, "an answer").ok(t)
	})
}

// A route under a cap that is full does not hold up another.
func TestFullKeyIsNoMatterOfAnotherRoute(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		u := holdingOn(t, "/held")
		g := run(t, via, observed+`
routes:
  - {id: api, prefix: /api, upstreams: [{id: a, base_url: %[1]q, key_header: {name: x-api-key}, keys: [{id: p, value: sk-p, max_inflight: 1}]}]}
  - {id: other, prefix: /other, upstreams: [{id: a, base_url: %[1]q, key_header: {name: x-api-key}, keys: [{id: p, value: sk-p, max_inflight: 1}]}]}
`, u.base())
		g.open(g.request("GET", "/api/held", nil))
		g.get("/api").refusal(t, 503, "upstream_concurrency_exceeded")
		if l := g.line(); l.Upstream != "" || l.Attempts != 0 || l.End != "refused" || l.Code != "upstream_concurrency_exceeded" {
			t.Errorf("the access log has %+v", l)
		}
		g.get("/other").ok(t)
		g.counts(`gateway_limit_rejections_total{kind="upstream",route="api"}`, "1")
		g.counts(`gateway_limit_rejections_total{kind="upstream",route="other"}`, "0")
	})
}
