package server

import (
	"slices"
	"testing"
)

// A key of a pool goes where key_header says and replaces whatever the client
// sent there, in any spelling; which key it was is told by its id alone.
func TestKeyOfAPoolGoesWhereItsHeaderSays(t *testing.T) {
	for _, row := range []struct{ name, header, want string }{
		{"x-api-key", `{name: "x-api-key", prefix: ""}`, "sk-main"},
		{"x-goog-api-key", `{name: "x-goog-api-key"}`, "sk-main"},
		{"authorization", `{name: "authorization", prefix: "Bearer "}`, "Bearer sk-main"},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				g := run(t, via, observed+`
routes:
  - id: api
    prefix: /api
    upstreams:
      - id: official
        base_url: %q
        key_header: %s
        keys: [{id: main, value: sk-main}]
`, u.base(), row.header)
				g.get("/api", "X-Api-Key: of the client's", "X_Api_Key: of the client's", "X-Goog-Api-Key: of the client's", "X_Goog_Api_Key: of the client's").ok(t)
				r := u.only()
				if got := r.all(row.name); !slices.Equal(got, []string{row.want}) {
					t.Errorf("the upstream got\n%s", r.head)
				}
				if row.name == "x-api-key" && r.has("X_Api_Key") || row.name == "x-goog-api-key" && r.has("X_Goog_Api_Key") {
					t.Errorf("a look-alike passed\n%s", r.head)
				}
				g.outcome()
				g.counts(`gateway_upstream_attempts_total{key="main",result="ok",route="api",upstream="official"}`, "1")
			})
		})
	}
}
