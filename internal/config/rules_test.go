package config

import (
	"strings"
	"testing"
)

// What the bad files cannot show: that the rules refuse no more than they must.

func TestAddressThatCanBeReachedIsAccepted(t *testing.T) {
	for _, listen := range []string{":8080", "127.0.0.1:8080", "0.0.0.0:1", "localhost:65535", "[::1]:8080", "[::]:0", "[::ffff:1.2.3.4]:80", "gateway_1.example:80", "a.example.:80"} {
		r, v := &report{}, &text{v: listen}
		v.given = true
		checkListen(r, v)
		if len(r.problems) > 0 {
			t.Errorf("listen %s: %v", listen, r.problems)
		}
	}
	for _, address := range []string{"127.0.0.1:1080", "[::1]:1", "proxy.example:65535", "proxy:3128"} {
		if wrong := wrongInAddress(address); wrong != "" {
			t.Errorf("address %s: %s", address, wrong)
		}
	}
}

func TestBaseURLIsTakenApart(t *testing.T) {
	for in, want := range map[string]BaseURL{
		"https://a.example":                     {"https", "a.example", "a.example:443", "a.example", ""},
		"http://a.example/":                     {"http", "a.example", "a.example:80", "a.example", ""},
		"HtTpS://A.Example:8443/v1/":            {"https", "A.Example:8443", "A.Example:8443", "A.Example", "/v1"},
		"http://[::1]":                          {"http", "[::1]", "[::1]:80", "::1", ""},
		"http://[fe80::1:2]:1/a":                {"http", "[fe80::1:2]:1", "[fe80::1:2]:1", "fe80::1:2", "/a"},
		"http://10.0.0.1:11434":                 {"http", "10.0.0.1:11434", "10.0.0.1:11434", "10.0.0.1", ""},
		"http://ollama_1:11434":                 {"http", "ollama_1:11434", "ollama_1:11434", "ollama_1", ""},
		"https://xn--bcher-kva.example":         {"https", "xn--bcher-kva.example", "xn--bcher-kva.example:443", "xn--bcher-kva.example", ""},
		"https://a.example/https://b/x%2F":      {"https", "a.example", "a.example:443", "a.example", "/https://b/x%2F"},
		"https://a.example/..a/b../...":         {"https", "a.example", "a.example:443", "a.example", "/..a/b../..."},
		"https://a.example/a;b=@:!$&'()*+,=~_-": {"https", "a.example", "a.example:443", "a.example", "/a;b=@:!$&'()*+,=~_-"},
	} {
		got, wrong := parseBaseURL(in)
		if wrong != "" || got != want {
			t.Errorf("%s: got %+v, %q, want %+v", in, got, wrong, want)
		}
	}
}

func TestPrefixThatRequestsCanHaveIsAccepted(t *testing.T) {
	for _, prefix := range []string{"/", "/a", "/a/b", "/healthz2", "/metrics2", "/a/metrics", "/health", "/a;b", "/a%20b", "/%61", "/...", "/.well-known", "/a..b/c.", "/v1:generate", "/@x"} {
		r, v := &report{}, &text{v: prefix}
		v.given = true
		if !checkPrefix(r, v, []ownPath{{healthz, healthz}, {"/metrics", "metrics"}}) {
			t.Errorf("%s: %v", prefix, r.problems)
		}
	}
}

func TestOriginThatBrowsersSendIsAccepted(t *testing.T) {
	for _, origin := range []string{"*", "https://app.example", "http://localhost:3000", "app.example", "App.Example:8443", "127.0.0.1:5173", "http://[::1]:3000", "[::1]", "chrome-extension://abcdefghijkl", "null", "localhost"} {
		if wrong := wrongInOrigin(origin); wrong != "" {
			t.Errorf("%s: %s", origin, wrong)
		}
	}
}

func TestTokensMayHoldWhatAHeaderCan(t *testing.T) {
	for _, token := range []string{`a: b # c`, `x", "y`, "*anchor", `'q"q'`, "${UP_KEY}", `back\slash\n`, "tab\there", "ümlaut", "Bearer x", strings.Repeat("x", 4000)} {
		env := Env{
			Lookup:   func(string) (string, bool) { return token, true },
			ReadFile: func(string) ([]byte, error) { return []byte(strings.Replace(minimal, "t1", "${T}", 1)), nil },
		}
		if c, err := Load("c.yaml", env); err != nil || c.Auth.Tokens[0] != token {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// RFC 9110 section 5.5.
func TestHeaderValueHoldsWhatHTTPAllows(t *testing.T) {
	for value, ok := range map[string]bool{
		"": true, "a b": true, "a\tb": true, "\xff": true, "~": true,
		"\x7f": false, "a\x7fb": false, "\x00": false, "a\x1fb": false, "a\nb": false, "a\rb": false, " a": false, "a\t": false,
	} {
		if isFieldValue(value) != ok {
			t.Errorf("%q: %v", value, !ok)
		}
	}
}

func TestSOCKSLoginMayBeAsLongAsItsLengthByteSays(t *testing.T) {
	for length, ok := range map[int]bool{1: true, 255: true, 256: false} {
		r, p := &report{}, &proxy{protocol: text{v: "socks"}}
		v := &text{v: strings.Repeat("x", length)}
		v.given = true
		if p.checkLogin(r, v); (len(r.problems) == 0) != ok {
			t.Errorf("%d bytes: %v", length, r.problems)
		}
	}
}

func TestPortIsWrittenInOneWay(t *testing.T) {
	for port, ok := range map[string]bool{"1": true, "80": true, "65535": true, "0": false, "65536": false, "080": false, "+80": false, "-80": false, "8 0": false, "": false} {
		if (wrongInPort(port, 1) == "") != ok {
			t.Errorf("port %q: %v", port, !ok)
		}
	}
}

func TestHostMayBeInjectedButNothingElseThatFrames(t *testing.T) {
	for name := range framing {
		r, v := &report{}, &text{v: strings.ToUpper(name)}
		if got := checkHeaderName(r, v, gatewaysOwnButHost); got != (name == "host") {
			t.Errorf("injecting %s: %v", name, got)
		}
		if checkHeaderName(&report{}, &text{v: strings.ReplaceAll(name, "-", "_")}, gatewaysOwn) {
			t.Errorf("removing %s with _ is allowed", name)
		}
	}
}

func TestAKeyLimitNeedsAKeyOnEachRouteItAppliesTo(t *testing.T) {
	const two = `listen: ":8080"
gateway_auth: {tokens: [t]}
routes:
  - {id: a, prefix: /a, upstream: {base_url: "http://a.example", inject_headers: [{name: Authorization, value: x}]}}
  - {id: b, prefix: /b, upstream: {base_url: "http://b.example"}}
`
	load(t, two)
	load(t, strings.Replace(two, "value: x}]", "value: x}], upstream_key_max_inflight: 2", 1))
	p := fail(t, two+"concurrency: {upstream_per_key_max_inflight: 2}\n")
	if len(p) != 1 || p[0].Field != "routes[1].upstream.inject_headers" {
		t.Errorf("got %v", p)
	}
	// A key that could not be read is one problem, not two.
	p = fail(t, strings.Replace(two, "value: x}]", `value: "${UNSET}"}], upstream_key_max_inflight: 2`, 1))
	if len(p) != 1 || !strings.Contains(p[0].Message, "UNSET") {
		t.Errorf("got %v", p)
	}
}

func TestTheNearestFieldIsSuggested(t *testing.T) {
	upstream := (&upstream{}).fields()
	for name, want := range map[string]string{
		"strip_prefx": "strip_prefix", "baseUrl": "base_url", "base-url": "base_url", "BASE_URL": "base_url", "url": "",
		"inject_header": "inject_headers", "request_timeout": "request_timeout_ms", "request_timout_ms": "request_timeout_ms",
		"prxy": "proxy", "forward_fxx": "forward_xff", "remove_header": "remove_headers", "x": "", "": "",
	} {
		if got := nearest(name, upstream); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := nearest("listne", (&file{}).fields()); got != "listen" {
		t.Errorf("listne: %q", got)
	}
}
