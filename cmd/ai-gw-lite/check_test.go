package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
)

const manyUpstreams = `
listen: ":8080"
gateway_auth: {tokens: ["s3cret-1"]}
routes:
  - id: plain
    prefix: /plain
    upstream:
      base_url: "https://plain.example"
      inject_headers: [{name: authorization, value: s3cret-2}]
      proxy: {protocol: http, address: "proxy:3128", username: s3cret-3, password: s3cret-4}
      websocket: false
      stream_idle_timeout_ms: 7000
  - id: claude
    prefix: /claude
    upstreams:
      - id: official
        weight: 3
        base_url: "https://one.example"
        key_header: {name: x-api-key}
        keys: [{id: main, value: s3cret-5, weight: 2, max_inflight: 9}, {id: spare, value: s3cret-6}]
        tls: {insecure_skip_verify: true}
      - {id: relay, priority: 1, base_url: "https://two.example/v1"}
    load_balancing: {strategy: round_robin, affinity: {header: X-Session}}
    retry: {max_attempts: 4, on: [429]}
    cooldown: {"429": 5, "529": 0}
    stream: {on_client_disconnect: drain}
admin: {enabled: true, token: s3cret-7}
observability: {metrics: {enabled: true, token: s3cret-8, path: /m}}
`

func check(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, config.OS())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printTable(&out, c)
	return out.String()
}

func TestCheckShowsEveryUpstreamAndEndpointButNoSecret(t *testing.T) {
	out := check(t, manyUpstreams)
	for _, want := range []string{
		`endpoints /healthz, admin /admin, metrics /m\n`,
		`plain +/plain +https://plain.example .* 60000 ms +- +7000 ms .*http proxy:3128 +authorization +- +no WebSocket\n`,
		`claude +/claude +https://one.example .* x-api-key +- +TRUSTS ANY CERTIFICATE\n`,
		`claude +/claude +https://two.example/v1 `,
		`claude +official +0 +3 +x-api-key +2: main \(weight 2, 9 in flight\), spare\n`,
		`claude +relay +1 +1 +- +-\n`,
		`claude: round_robin, sessions by x-session for 600 s\n`,
		`retry +4 attempts on 429; `,
		`cooldown +401 300 s, 402 900 s, 429 5 s, connect_error 10 s; at most 900 s\n`,
		`client gone +read on for up to 30 s\n`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(out, "s3cret") {
		t.Error("a secret is shown")
	}
	if t.Failed() {
		t.Log("\n" + out)
	}
}

func TestCheckSaysNothingOfChoicesWhereThereAreNone(t *testing.T) {
	out := check(t, `
listen: ":8080"
gateway_auth: {tokens: [t]}
routes: [{id: a, prefix: /a, upstream: {base_url: "https://a.example"}}]
`)
	if strings.Contains(out, "cooldown") || strings.Contains(out, "PRIORITY") || !strings.HasSuffix(out, "\n") {
		t.Errorf("got\n%s", out)
	}
}
