package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const minimal = `listen: ":8080"
gateway_auth: {tokens: ["t1"]}
routes:
  - id: a
    prefix: /a
    upstream: {base_url: "https://a.example"}
`

// write puts a config into a folder of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load(write(t, text), testEnv())
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	return c
}

// fail loads a config that must be refused.
func fail(t *testing.T, text string) []Problem {
	t.Helper()
	_, err := Load(write(t, text), testEnv())
	problems, ok := err.(Problems)
	if !ok || len(problems.List) == 0 {
		t.Fatalf("got %v, want Problems for\n%s", err, text)
	}
	return problems.List
}

func defaultOf(v value) string {
	switch v := v.(type) {
	case *text:
		return v.v
	case *number:
		return fmt.Sprint(v.v)
	case *boolean:
		return fmt.Sprint(v.v)
	case *ratio:
		return fmt.Sprint(v.v)
	case *cooldownTime:
		if v.v.RetryAfter {
			return retryAfter
		}
		return fmt.Sprint(v.v.For.Seconds())
	case elements[trigger]:
		var all []string
		for i := range v.items {
			all = append(all, fmt.Sprintf("%q", v.items[i].v))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	return ""
}

// withDefaults is r with what a route gets that says nothing of these things.
func withDefaults(r Route) Route {
	r.Balancing = Balancing{Strategy: "weighted_random"}
	r.Retry = Retry{
		MaxAttempts: 1, On: []string{"connect_error", "429", "503", "529"},
		Backoff:           Backoff{500 * time.Millisecond, 5 * time.Second, 0.2},
		RespectRetryAfter: true, MaxRetryAfter: time.Minute, MaxReplayBody: 10485760,
	}
	r.Cooldown = Cooldown{Max: 15 * time.Minute, After: map[string]CooldownRule{
		"429": {RetryAfter: true}, "401": {For: 5 * time.Minute}, "402": {For: 15 * time.Minute},
		"529": {For: 30 * time.Second}, "connect_error": {For: 10 * time.Second},
	}}
	r.Stream = Stream{DrainMax: 30 * time.Second}
	return r
}

func TestAMinimalConfigGetsTheDefaults(t *testing.T) {
	c := load(t, minimal)
	want := &Config{
		Path: c.Path, Listen: ":8080",
		Auth: Auth{Tokens: []string{"t1"}, Sources: []TokenSource{{"authorization", true}}},
		Routes: []Route{withDefaults(Route{ID: "a", Prefix: "/a", Upstreams: []Upstream{{
			Weight: 1, WebSocket: true,
			BaseURL:     BaseURL{"https", "a.example", "a.example:443", "a.example", ""},
			StripPrefix: true, ConnectTimeout: 10 * time.Second, RequestTimeout: time.Minute,
		}}})},
		Reload:   Reload{Watch: true},
		Shutdown: Shutdown{DrainTimeout: 30 * time.Second},
		Admin:    Admin{PathPrefix: "/admin"},
	}
	got := *c
	got.src, got.files = nil, nil
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryFieldReachesTheConfig(t *testing.T) {
	path := write(t, `
listen: "[::1]:0"
inbound_tls: {cert_path: own.crt, key_path: /abs/own.key, self_signed_cert_path: s/a.crt, self_signed_key_path: s/a.key}
gateway_auth:
  tokens: [one, "t w o", 3]
  token_sources: [{type: header, name: X-Gw-Token}, {type: authorization_bearer}]
routes:
  - id: a
    prefix: /a;v=1/b%20c
    upstream:
      base_url: HTTP://[::1]:8080/x//y;z///
      strip_prefix: false
      connect_timeout_ms: 1
      request_timeout_ms: 2147483647
      inject_headers: [{name: X-Api-Key, value: k}, {name: Host, value: "other.example:99"}, {name: x-empty, value: ""}]
      remove_headers: [Cookie, x-b]
      forward_xff: true
      proxy: {protocol: socks, address: "proxy.example:1080", username: "a:b", password: "c\nd"}
      upstream_key_max_inflight: 7
  - id: b
    prefix: /
    upstream: {base_url: "https://API.example.", inject_headers: [{name: authorization, value: x}]}
cors: {enabled: true, allow_origins: ["*", "https://a.example:1", "b.example"], allow_headers: [x-a], allow_methods: [GET], expose_headers: [x-b]}
rate_limit: {per_minute: 9}
concurrency: {downstream_max_inflight: 10, upstream_per_key_max_inflight: 11}
`)
	c, err := Load(path, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	want := Config{
		Path: path, Listen: "[::1]:0",
		InboundTLS: &InboundTLS{filepath.Join(dir, "own.crt"), filepath.FromSlash("/abs/own.key"), filepath.Join(dir, "s", "a.crt"), filepath.Join(dir, "s", "a.key")},
		Auth:       Auth{[]string{"one", "t w o", "3"}, []TokenSource{{"x-gw-token", false}, {"authorization", true}}},
		Routes: []Route{withDefaults(Route{ID: "a", Prefix: "/a;v=1/b%20c", Upstreams: []Upstream{{
			Weight: 1, WebSocket: true,
			BaseURL:        BaseURL{"http", "[::1]:8080", "[::1]:8080", "::1", "/x//y;z"},
			ConnectTimeout: time.Millisecond, RequestTimeout: 2147483647 * time.Millisecond,
			InjectHeaders: []Header{{"X-Api-Key", "k"}, {"Host", "other.example:99"}, {"x-empty", ""}},
			RemoveHeaders: []string{"Cookie", "x-b"}, ForwardXFF: true,
			Proxy:          &Proxy{"socks", "proxy.example:1080", "a:b", "c\nd"},
			KeyMaxInflight: 7,
		}}}), withDefaults(Route{ID: "b", Prefix: "/", Upstreams: []Upstream{{
			Weight: 1, WebSocket: true,
			BaseURL:     BaseURL{"https", "API.example.", "API.example.:443", "API.example.", ""},
			StripPrefix: true, ConnectTimeout: 10 * time.Second, RequestTimeout: time.Minute,
			InjectHeaders: []Header{{"authorization", "x"}},
		}}})},
		Reload:      Reload{Watch: true},
		Shutdown:    Shutdown{DrainTimeout: 30 * time.Second},
		Admin:       Admin{PathPrefix: "/admin"},
		CORS:        CORS{true, []string{"*", "https://a.example:1", "b.example"}, []string{"x-a"}, []string{"GET"}, []string{"x-b"}},
		RateLimit:   RateLimit{9},
		Concurrency: Concurrency{10, 11},
	}
	got := *c
	got.src, got.files = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestTheKeyIsAuthorizationBeforeXAPIKey(t *testing.T) {
	for _, x := range []struct {
		headers []Header
		want    string
	}{
		{nil, ""},
		{[]Header{{"x-goog-api-key", "g"}}, ""},
		{[]Header{{"X-API-Key", "x"}, {"AUTHORIZATION", "a"}}, "a"},
		{[]Header{{"X-Api-Key", "x"}, {"Authorization", ""}}, "x"},
	} {
		if got := (Upstream{InjectHeaders: x.headers}).Key(); got != x.want {
			t.Errorf("%v: got %q, want %q", x.headers, got, x.want)
		}
	}
}

func TestAnEmptyTLSSectionMeansASelfSignedPairBesideTheFile(t *testing.T) {
	c := load(t, minimal+"inbound_tls: {}\n")
	dir := filepath.Dir(c.Path)
	want := InboundTLS{
		SelfSignedCertPath: filepath.Join(dir, "certs", "gateway-selfsigned.crt"),
		SelfSignedKeyPath:  filepath.Join(dir, "certs", "gateway-selfsigned.key"),
	}
	if c.InboundTLS == nil || *c.InboundTLS != want {
		t.Errorf("got %+v, want %+v", c.InboundTLS, want)
	}
}

func TestFilesAreAllThatTheConfigDependsOn(t *testing.T) {
	path := write(t, strings.Replace(minimal, `"t1"`, `"${file:token}", "${file:sub/../token}x"`, 1)+"inbound_tls: {cert_path: a.crt, key_path: a.key}\n")
	dir := filepath.Dir(path)
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range []string{"a.crt", "a.key", "config.yaml", "token"} {
		want = append(want, filepath.Join(dir, name))
	}
	if got := c.Files(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c = load(t, minimal+"inbound_tls: {}\n")
	if got := c.Files(); len(got) != 3 || !slices.Contains(got, c.InboundTLS.SelfSignedKeyPath) {
		t.Errorf("the self-signed pair is missing: %v", got)
	}
}

func TestAFileThatCannotBeReadIsAProblem(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "nope.yaml"): "nope.yaml: cannot be read: ",
		dir:                             ": cannot be read: ",
		big:                             "big.yaml: cannot be read: it is larger than 1 MiB",
	} {
		_, err := Load(path, OS())
		if problems, ok := err.(Problems); !ok || len(problems.List) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

func TestAReportIsBoundedAndCountsTheRest(t *testing.T) {
	var many strings.Builder // on one line, the worst for finding places
	for i := range 80_000 {
		fmt.Fprintf(&many, "abcd%d: x,", i)
	}
	_, err := Load(write(t, minimal+"cors: {"+many.String()+"}\nrate_limit: {per_minute: 0}\n"), testEnv())
	p := err.(Problems)
	if len(p.List) != 100 || p.More != 79_901 {
		t.Errorf("got %d and %d more", len(p.List), p.More)
	}
	if first := p.List[0]; first.Field != "cors.abcd0" || !strings.Contains(first.Message, "known here: enabled") {
		t.Errorf("the first is %v", first)
	}
	if text := err.Error(); !strings.HasSuffix(text, "config.yaml: and 79901 more problems") || strings.Count(text, "\n") != 300 {
		t.Errorf("got %d lines, the end is %q", strings.Count(text, "\n"), text[len(text)-60:])
	}
	if p := fail(t, minimal+"x: 1\n"); len(p) != 1 {
		t.Errorf("got %v", p)
	}
}

// A reload waits for these to change.
func TestAFailedLoadTellsWhatFilesMayPutItRight(t *testing.T) {
	for name, x := range map[string]struct {
		text string
		want []string
	}{
		"a missing secret":     {strings.Replace(minimal, `"t1"`, `"${file:run/token}", "${file:/none}"`, 1), []string{"run/token", "/none"}},
		"a rule broken":        {strings.Replace(minimal, `prefix: /a`, `prefix: "${file:there}"`, 1), []string{"there"}},
		"certificates":         {minimal + "inbound_tls: {cert_path: a.crt, key_path: a.key}\nx: 1\n", []string{"a.crt", "a.key"}},
		"no YAML":              {"listen: [\n", nil},
		"no file":              {"", nil},
		"more than one MiB":    {strings.Repeat("#", maxFile+1), nil},
		"the same file thrice": {minimal + "x: 1\nrate_limit: {per_minute: \"${file:n}\"}\ncors: {allow_headers: [\"${file:n}\", \"${file:./n}\"]}\n", []string{"n"}},
	} {
		path := write(t, x.text)
		if x.text == "" {
			path += ".none"
		}
		want := []string{path}
		for _, f := range x.want {
			if !filepath.IsAbs(f) {
				f = filepath.Join(filepath.Dir(path), f)
			}
			want = append(want, f)
		}
		slices.Sort(want)
		_, err := Load(path, testEnv())
		if got := err.(Problems).Files(); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestOddButValidFilesLoad(t *testing.T) {
	crlf := strings.ReplaceAll(minimal, "\n", "\r\n")
	for name, text := range map[string]string{
		"CR LF":               crlf,
		"BOM":                 "\ufeff" + minimal,
		"BOM and CR LF":       "\ufeff" + crlf,
		"document marks":      "---\n" + minimal + "...\n",
		"no last newline":     strings.TrimSuffix(minimal, "\n"),
		"comments":            "# ${UNSET}\n" + minimal + "# ${unclosed\n",
		"quoted field names":  strings.Replace(minimal, "listen", `"listen"`, 1),
		"JSON":                `{"listen": ":8080", "gateway_auth": {"tokens": ["t1"]}, "routes": [{"id": "a", "prefix": "/a", "upstream": {"base_url": "https://a.example"}}]}`,
		"explicit field mark": strings.Replace(minimal, `listen: ":8080"`, "? listen\n: \":8080\"", 1),
	} {
		c := load(t, text)
		if c.Listen != ":8080" || c.Routes[0].Prefix != "/a" {
			t.Errorf("%s: got %+v", name, c)
		}
	}
}

func TestWhatIsNotTextIsRefusedWithItsPlace(t *testing.T) {
	for _, x := range []struct {
		text, want   string
		line, column int
	}{
		{minimal + "x: \xff\n", "not UTF-8", 7, 4},
		{"\xff\xfel\x00i\x00", "not UTF-8", 1, 1},
		{minimal + "é: a\x00b\n", "control characters", 7, 5},
		{"a: \x1b[2J\r\n", "control characters", 1, 4},
		{"a: 1\r\nb: \x7f\r\n", "control characters", 2, 4},
	} {
		p := fail(t, x.text)
		if len(p) != 1 || !strings.Contains(p[0].Message, x.want) || p[0].Line != x.line || p[0].Column != x.column {
			t.Errorf("%q: got %v", x.text, p)
		}
	}
}

func TestAliasesStandForWholeValues(t *testing.T) {
	c := load(t, `
listen: ":8080"
gateway_auth: {tokens: [t]}
routes:
  - {id: a, prefix: /a, upstream: &u {base_url: "https://a.example", remove_headers: &r [cookie]}}
  - {id: b, prefix: /b, upstream: *u}
  - {id: c, prefix: /c, upstream: {base_url: "https://c.example", remove_headers: *r}}
`)
	if got := c.Routes[1].Upstreams[0].BaseURL.Address; got != "a.example:443" {
		t.Errorf("alias of a section: %q", got)
	}
	if got := c.Routes[2].Upstreams[0].RemoveHeaders; len(got) != 1 || got[0] != "cookie" {
		t.Errorf("alias of a list: %q", got)
	}
}

func TestAliasesCannotGrowWithoutBound(t *testing.T) {
	tokens := "[" + strings.Repeat("t,", 400) + "]"
	text := "listen: &l x\ngateway_auth: {tokens: [t]}\nroutes:\n" +
		"  - &r {id: a, prefix: /a, upstream: {base_url: \"http://a.example\", remove_headers: " + tokens + "}}\n" + strings.Repeat("  - *r\n", 10_000)
	bounded := 0
	for _, p := range fail(t, text) {
		if strings.Contains(p.Message, "aliases stand for more than") {
			bounded++
		}
	}
	if bounded != 1 {
		t.Errorf("told %d times, want once", bounded)
	}
	fail(t, "listen: &a [*a]\ngateway_auth: &b {tokens: *b}\nroutes: &c [*c]\n")
}

func TestChecksRunBesideOtherProblems(t *testing.T) {
	var saw *Config
	check := func(c *Config) []Problem {
		saw = c
		return []Problem{c.Problem("inbound_tls.cert_path", "does not fit"), c.Problem("inbound_tls.self_signed_key_path", "is odd")}
	}
	_, err := Load(write(t, strings.Replace(minimal, "prefix: /a", "prefix: a", 1)+"inbound_tls:\n  cert_path: secret.crt\n  key_path: b\n"), testEnv(), check)
	var got []string
	for _, p := range err.(Problems).List {
		got = append(got, fmt.Sprintf("%d:%d %s %s %q %d", p.Line, p.Column, p.Field, p.Message, p.Source, p.Caret))
	}
	want := []string{
		`5:13 routes[0].prefix must begin with "/" "prefix: ****" 8`,
		`7:1 inbound_tls.self_signed_key_path is odd "inbound_tls:" 0`,
		`8:14 inbound_tls.cert_path does not fit "cert_path: ****" 11`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if saw.InboundTLS == nil || saw.Listen == "" || saw.Routes != nil {
		t.Errorf("a check must see the sound sections alone, got %+v", saw)
	}
}

func TestProblemsFoundLaterHaveTheirPlace(t *testing.T) {
	c := load(t, minimal)
	p := c.Problem("routes[0].upstream.base_url", "is down %d", 7)
	want := c.Path + ":6:26: routes[0].upstream.base_url: is down 7\n    upstream: {base_url: ****}\n                         ^"
	if p.String() != want {
		t.Errorf("got\n%s\nwant\n%s", p, want)
	}
	if p := (&Config{Path: "x"}).Problem("listen", "no"); p.String() != "x: listen: no" {
		t.Errorf("a config without a file: %s", p)
	}
}

func TestTheOSReadsOnlyFilesOfAReasonableSize(t *testing.T) {
	dir := t.TempDir()
	for size, ok := range map[int]bool{0: true, maxFile: true, maxFile + 1: false} {
		path := filepath.Join(dir, fmt.Sprint(size))
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := OS().ReadFile(path); (err == nil) != ok || ok && len(b) != size {
			t.Errorf("%d bytes: got %d, %v", size, len(b), err)
		}
	}
	if _, err := OS().ReadFile(filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}
