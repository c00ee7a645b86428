package server

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// operated has both endpoints at paths of the operator's own, and a route that
// would take every path.
const operated = `
observability: {metrics: {enabled: %[2]t, path: /ops/numbers, token: for-metrics}}
admin: {enabled: %[2]t, path_prefix: /ops/admin, token: for-admins}
errors: {format: native}
concurrency: {downstream_max_inflight: 1}
routes: [{id: all, prefix: /, upstream: {base_url: %[1]q}}]
`

func TestOperatorsEndpointsOpenWithTheirOwnTokenAlone(t *testing.T) {
	for _, row := range []struct {
		name, method, path, token string
		status                    int
		body                      string // what is in it
	}{
		{"metrics", "GET", "/ops/numbers", "Bearer for-metrics", 200, "\ngateway_build_info{"},
		{"metrics, whatever the query", "GET", "/ops/numbers?name[]=x", "bearer  for-metrics ", 200, "\ngateway_build_info{"},
		{"metrics without a token", "GET", "/ops/numbers", "", 401, `{"error":"unauthorized"}`},
		{"metrics with a client's", "GET", "/ops/numbers", "Bearer " + token, 401, `{"error":"unauthorized"}`},
		{"metrics with an admin's", "GET", "/ops/numbers", "Bearer for-admins", 401, `{"error":"unauthorized"}`},
		{"metrics with half of it", "GET", "/ops/numbers", "Bearer for-metric", 401, `{"error":"unauthorized"}`},
		{"metrics without Bearer", "GET", "/ops/numbers", "for-metrics", 401, `{"error":"unauthorized"}`},
		{"another method", "DELETE", "/ops/numbers", "Bearer for-metrics", 405, ""},
		{"streams", "GET", "/ops/admin/api/streams", "Bearer for-admins", 200, `{"streams":[`},
		{"streams without a token", "GET", "/ops/admin/api/streams", "", 401, `{"error":"unauthorized"}`},
		{"streams with a client's", "GET", "/ops/admin/api/streams", "Bearer " + token, 401, `{"error":"unauthorized"}`},
		{"streams with the metrics'", "GET", "/ops/admin/api/streams", "Bearer for-metrics", 401, `{"error":"unauthorized"}`},
		{"the prefix itself", "GET", "/ops/admin", "Bearer for-admins", 404, `{"error":"not_found"}`},
		{"an unknown one, without a token", "GET", "/ops/admin/api/other", "", 401, `{"error":"unauthorized"}`},
		{"not below the prefix", "GET", "/ops/administrators", "Bearer " + token, 200, `{"ok":true}`},
		{"not the metrics", "GET", "/ops/numbers/more", "Bearer " + token, 200, `{"ok":true}`},
		{"the default's path", "GET", "/metrics", "Bearer " + token, 200, `{"ok":true}`},
		{"the default's prefix", "GET", "/admin/api/streams", "Bearer " + token, 200, `{"ok":true}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := run(t, via, operated, u.base(), true)
				a := g.do(g.request(row.method, row.path, nil, strings.TrimSuffix("Authorization: "+row.token, " ")))
				if a.status != row.status || !strings.Contains(a.body, row.body) {
					t.Errorf("got %d %q, want %d with %q", a.status, a.body, row.status, row.body)
				}
				if challenge := a.header.Get("Www-Authenticate"); (challenge == "Bearer") != (row.status == 401) {
					t.Errorf("WWW-Authenticate is %q", challenge)
				}
				if row.status == 405 && a.header.Get("Allow") != "GET, HEAD" {
					t.Errorf("Allow is %q", a.header.Get("Allow"))
				}
				if passed := len(u.requests()); (passed == 1) != (row.body == `{"ok":true}`) {
					t.Errorf("the upstream got %d requests", passed)
				}
			})
		})
	}
}

func TestOperatorsEndpointsAreClosedUnlessEnabled(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := run(t, via, operated, u.base(), false)
		for _, path := range []string{"/ops/numbers", "/ops/admin/api/streams"} {
			g.get(path, "Authorization: Bearer for-metrics").refusal401(t)
			g.get(path).ok(t) // it is the route's
		}
	})
}

// refusal401 fails the test unless a route's authentication refused.
func (a *answer) refusal401(t *testing.T) {
	t.Helper()
	if a.status != 401 || a.header.Get("X-Gw-Error") != "unauthorized" {
		t.Errorf("got %d %v %q", a.status, a.header, a.body)
	}
}

// Of two tokens neither counts: who reads the first must not see another caller
// than who reads the last.
func TestOperatorsEndpointsTakeNoSecondToken(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := run(t, via, operated, answering(t, okAnswer).base(), true)
		const theirs, ours = "Authorization: Bearer something", "Authorization: Bearer for-metrics"
		for _, lines := range [][]string{{theirs, ours}, {ours, theirs}, {ours, ours}} {
			g.get("/ops/numbers", lines...).refusal401(t)
		}
	})
}

// What is in flight can be looked at while the gateway is full.
func TestStreamsAreListedOverHTTPWhileTheGatewayIsFull(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := holdingOn(t, "/held")
		g := run(t, via, operated, u.base(), true)
		res := g.open(g.request("GET", "/held", nil, "X-Request-Id: mine"))
		if _, err := io.ReadFull(res.Body, make([]byte, len("data: first\n\n"))); err != nil {
			t.Fatal(err)
		}
		if a := g.get("/other"); a.status != 503 {
			t.Errorf("got %d", a.status)
		}
		a := g.get("/ops/admin/api/streams", "Authorization: Bearer for-admins")
		var list struct {
			Streams []struct {
				ID, Route, Upstream, State string
				BytesOut                   int64 `json:"bytes_out"`
			}
		}
		if err := json.Unmarshal([]byte(a.body), &list); err != nil {
			t.Fatalf("%q: %v", a.body, err)
		}
		if len(list.Streams) != 1 {
			t.Fatalf("there are %+v", list.Streams)
		}
		if s := list.Streams[0]; s.ID != "mine" || s.Route != "all" || s.Upstream != u.base() || s.State != "streaming" || s.BytesOut != int64(len("data: first\n\n")) {
			t.Errorf("it is %+v", s)
		}
		if a.header.Get("Content-Type") != "application/json" {
			t.Errorf("Content-Type is %q", a.header.Get("Content-Type"))
		}
	})
}

func TestMetricsCountWhatWasServedOverHTTP(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := run(t, via, operated, answering(t, okAnswer).base(), true)
		g.get("/x").ok(t)
		g.outcome()
		const want = `gateway_requests_total{code="",method="GET",route="all",status="200"} 1`
		plain := g.get("/ops/numbers", "Authorization: Bearer for-metrics")
		if !strings.Contains(plain.body, want) || !strings.HasPrefix(plain.header.Get("Content-Type"), "text/plain") || plain.header.Get("Content-Encoding") != "" {
			t.Errorf("there is no %s in\n%s", want, plain.body)
		}
		zipped := g.get("/ops/numbers", "Authorization: Bearer for-metrics", "Accept-Encoding: gzip")
		r, err := gzip.NewReader(strings.NewReader(zipped.body))
		if err != nil || zipped.header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("compressed: %v, %v", zipped.header, err)
		}
		if text, err := io.ReadAll(r); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("compressed: %v", err)
		}
	})
}
