package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/testcert"
)

func TestEveryFieldOfARouteReachesTheConfig(t *testing.T) {
	path := write(t, `
listen: ":0"
gateway_auth: {tokens: [t]}
routes:
  - id: a
    prefix: /a
    upstreams:
      - id: one
        priority: 2
        weight: 3
        base_url: "https://one.example"
        key_header: {name: Authorization, prefix: "Bearer "}
        keys:
          - {id: main, value: k1, weight: 4, max_inflight: 5}
          - {id: spare, value: k2}
        first_byte_timeout_ms: 6
        stream_idle_timeout_ms: 7
        websocket: false
        user_agent: "agent/1 (x)"
        remove_response_headers: [Set-Cookie]
        tls: {ca_path: own.pem, insecure_skip_verify: true}
      - {id: two, base_url: "http://two.example", tls: {ca_path: "", insecure_skip_verify: false}}
    load_balancing: {strategy: least_inflight, affinity: {header: X-Session, ttl_secs: 8}}
    retry:
      max_attempts: 9
      on: [500, "connect_error", "429"]
      on_uncertain: true
      backoff: {initial_ms: 0, max_ms: 10, jitter: 0.75}
      respect_retry_after: false
      max_retry_after_ms: 0
      max_replay_body_bytes: 11
    cooldown: {401: retry_after, "402": 0, "500": 12, connect_error: 13, max_secs: 14}
    stream: {on_client_disconnect: drain, drain_max_secs: 15}
`)
	dir := filepath.Dir(path)
	own := testcert.New().PEM()
	if err := os.WriteFile(filepath.Join(dir, "own.pem"), own, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	want := Route{
		ID: "a", Prefix: "/a",
		Upstreams: []Upstream{{
			ID: "one", Priority: 2, Weight: 3,
			BaseURL:     BaseURL{"https", "one.example", "one.example:443", "one.example", ""},
			StripPrefix: true, ConnectTimeout: 10 * time.Second, RequestTimeout: time.Minute,
			KeyHeader:        KeyHeader{"Authorization", "Bearer "},
			Keys:             []Key{{"main", "k1", 4, 5}, {"spare", "k2", 1, 0}},
			FirstByteTimeout: 6 * time.Millisecond, StreamIdleTimeout: 7 * time.Millisecond,
			UserAgent: "agent/1 (x)", RemoveResponseHeaders: []string{"Set-Cookie"},
			TLS: UpstreamTLS{filepath.Join(dir, "own.pem"), own, true},
		}, {
			ID: "two", Weight: 1, WebSocket: true,
			BaseURL:     BaseURL{"http", "two.example", "two.example:80", "two.example", ""},
			StripPrefix: true, ConnectTimeout: 10 * time.Second, RequestTimeout: time.Minute,
		}},
		Balancing: Balancing{"least_inflight", &Affinity{"x-session", 8 * time.Second}},
		Retry: Retry{
			MaxAttempts: 9, On: []string{"500", "connect_error", "429"}, OnUncertain: true,
			Backoff: Backoff{0, 10 * time.Millisecond, 0.75}, MaxReplayBody: 11,
		},
		Cooldown: Cooldown{Max: 14 * time.Second, After: map[string]CooldownRule{
			"429": {RetryAfter: true}, "401": {RetryAfter: true}, "402": {}, "500": {For: 12 * time.Second},
			"529": {For: 14 * time.Second}, "connect_error": {For: 13 * time.Second},
		}},
		Stream: Stream{true, 15 * time.Second},
	}
	if !reflect.DeepEqual(c.Routes[0], want) {
		t.Errorf("got  %+v\nwant %+v", c.Routes[0], want)
	}
	if !slices.Contains(c.Files(), filepath.Join(dir, "own.pem")) {
		t.Errorf("the config depends on own.pem too: %v", c.Files())
	}
}

func TestARouteWithOneUpstreamHasTheRestToo(t *testing.T) {
	c := load(t, minimal+`    load_balancing: {affinity: {header: x-session}}
    retry: {max_attempts: 2}
    cooldown: {"429": 5}
    stream: {on_client_disconnect: drain}
`)
	want := withDefaults(c.Routes[0])
	want.Balancing.Affinity = &Affinity{"x-session", 10 * time.Minute}
	want.Retry.MaxAttempts = 2
	want.Cooldown.After["429"] = CooldownRule{For: 5 * time.Second}
	want.Stream.DrainOnDisconnect = true
	if !reflect.DeepEqual(c.Routes[0], want) {
		t.Errorf("got  %+v\nwant %+v", c.Routes[0], want)
	}
}

func TestACACertificateThatCannotBeReadIsAFileToWatch(t *testing.T) {
	path := write(t, strings.Replace(minimal, `a.example"`, `a.example", tls: {ca_path: later.pem}`, 1))
	_, err := Load(path, testEnv())
	if files := err.(Problems).Files(); !slices.Contains(files, filepath.Join(filepath.Dir(path), "later.pem")) {
		t.Errorf("got %v", files)
	}
}

func TestADefaultGivesWayToTheValueBesideIt(t *testing.T) {
	ms := time.Millisecond
	for given, want := range map[string]Backoff{
		"{max_ms: 100}":                  {100 * ms, 100 * ms, 0.2},
		"{initial_ms: 9000}":             {9000 * ms, 9000 * ms, 0.2},
		"{initial_ms: 100}":              {100 * ms, 5000 * ms, 0.2},
		"{initial_ms: 1, max_ms: 1}":     {1 * ms, 1 * ms, 0.2},
		"{jitter: 0}":                    {500 * ms, 5000 * ms, 0},
		`{max_ms: "${NONE:-0}"}`:         {0, 0, 0.2},
		"{max_ms: 9000, jitter: 1.0}":    {500 * ms, 9000 * ms, 1},
		`{jitter: "${NONE:-.5}"}`:        {500 * ms, 5000 * ms, 0.5},
		"{initial_ms: 1, jitter: 00.25}": {1 * ms, 5000 * ms, 0.25},
	} {
		c := load(t, minimal+"    retry: {backoff: "+given+"}\n")
		if got := c.Routes[0].Retry.Backoff; got != want {
			t.Errorf("%s: got %v, want %v", given, got, want)
		}
	}
	c := load(t, minimal+"    cooldown: {max_secs: 60}\n")
	if got := c.Routes[0].Cooldown.After["401"].For; got != time.Minute {
		t.Errorf("a default is longer than max_secs: %v", got)
	}
	c = load(t, minimal+"    cooldown: {\"403\": 0}\n")
	if got := c.Routes[0].Cooldown.After["403"]; got != (CooldownRule{}) {
		t.Errorf("got %+v", got)
	}
}

func TestAPoolIsTheInjectedKey(t *testing.T) {
	const pool = `listen: ":8080"
gateway_auth: {tokens: [t]}
concurrency: {upstream_per_key_max_inflight: 2}
routes:
  - id: a
    prefix: /a
    upstreams:
      - id: one
        base_url: "http://a.example"
        key_header: {name: x-goog-api-key}
        keys: [{id: a, value: k1}, {id: b, value: k2}]
        inject_headers: [{name: authorization, value: other}]
      - {id: two, base_url: "http://b.example", inject_headers: [{name: x-api-key, value: k3}]}
`
	c := load(t, pool)
	one, two := c.Routes[0].Upstreams[0], c.Routes[0].Upstreams[1]
	if one.Key() != "" || two.Key() != "k3" {
		t.Errorf("got %q and %q", one.Key(), two.Key())
	}
	p := fail(t, strings.Replace(pool, "x-api-key, value: k3", "x-goog-api-key, value: k3", 1))
	if len(p) != 1 || p[0].Field != "routes[0].upstreams[1].inject_headers" {
		t.Errorf("got %v", p)
	}
}

func TestNamesAreUniqueWithinTheirOwnListAlone(t *testing.T) {
	const upstreams = `
    upstreams:
      - &one {id: a, base_url: "http://a.example", key_header: {name: x-api-key}, keys: [{id: a, value: k}, {id: "b é 日本", value: l}]}
      - {id: b, base_url: "http://a.example", key_header: {name: x-api-key}, keys: [{id: a, value: k}]}
`
	c := load(t, `listen: ":8080"
gateway_auth: {tokens: [k]}
routes:
  - id: a
    prefix: /a`+upstreams+`  - id: b
    prefix: /b`+strings.Replace(upstreams, "&one", "", 1)+`  - {id: c, prefix: /c, upstreams: [*one]}
`)
	if len(c.Routes) != 3 || c.Routes[2].Upstreams[0].Keys[1].ID != "b é 日本" {
		t.Errorf("got %+v", c.Routes)
	}
}
