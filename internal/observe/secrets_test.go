package observe

import (
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
)

func TestSecretsAreMaskedInTextFromOutside(t *testing.T) {
	c := loadConfig(t, "http://127.0.0.1:1", asked())
	c.Auth.Tokens = append(c.Auth.Tokens, "short", markToken+"-longer")
	c.Admin.Token = markAdmin
	c.Observability.Metrics.Token = markScope
	u := &c.Routes[0].Upstreams[0]
	u.Keys = []config.Key{{ID: "k", Value: "sk-pool-key"}}
	u.Proxy = &config.Proxy{Username: "user-name", Password: "proxy-password"}
	u.InjectHeaders = append(u.InjectHeaders, config.Header{Name: "api-version", Value: "2024-08-06"}, config.Header{Name: "x-customer", Value: "491234567890"})
	s := newSecrets(c)
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"/v1/chat", "/v1/chat"},
		{markToken, "***"},
		{"/a/" + markToken + "/b", "/a/***/b"},
		{markToken + "-longer!", "***!"},
		{"Bearer " + markKey, "Bearer ***"},
		{markAdmin + markScope, "******"},
		{"sk-pool-key proxy-password", "*** ***"},
		{"gpt-4o-2024-08-06", "gpt-4o-2024-08-06"},
		{"customer 491234567890", "customer ***"},
		{"short", "short"},
		{markToken[:len(markToken)-1], markToken[:len(markToken)-1]},
	} {
		if got := s.mask(test.text); got != test.want {
			t.Errorf("%q is shown as %q, want %q", test.text, got, test.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.mask("/openai/v1/chat/completions") }); n != 0 {
		t.Errorf("looking for secrets allocates %v times", n)
	}
}

func TestASecretIsFoundWhereverItBegins(t *testing.T) {
	c := loadConfig(t, "http://127.0.0.1:1", nil)
	c.Auth.Tokens = []string{"12345678", "12345678-longer", "abcdefgh"} // as short as they are looked for, too
	s := newSecrets(c)
	for before := range 12 {
		for after := range 12 {
			for _, token := range c.Auth.Tokens {
				around := strings.Repeat("/", before) + "%" + strings.Repeat("/", after)
				text, want := strings.Replace(around, "%", token, 1), strings.Replace(around, "%", masked, 1)
				if got := s.mask(text); got != want {
					t.Errorf("%q is shown as %q, want %q", text, got, want)
				}
				if !s.in([]byte(text)) || s.in([]byte(strings.Replace(text, token, token[1:], 1))) {
					t.Errorf("%q has a secret, and has none without its first letter", text)
				}
			}
		}
	}
}

func TestASecretIsFoundInJSONHoweverItIsWritten(t *testing.T) {
	c := loadConfig(t, "http://127.0.0.1:1", nil)
	c.Auth.Tokens = []string{"sk/with/slashes", `quote"and\\slash`}
	s := newSecrets(c)
	for text, want := range map[string]bool{
		`{"a":"sk/with/slashes"}`:                           true,
		`{"a":{"b":["sk\/with\/slashes"]}}`:                 true,
		`{"sk\u002fwith/sla\u0073hes":1e5,"n":123}`:         true,
		`{"a":"quote\"and\\\\slash"}`:                       true,
		`{"a":"sk\/with\/slashe","n":1e400,"b":"\ud800\n"}`: false,
	} {
		if got := s.inJSON([]byte(text)); got != want {
			t.Errorf("%s has a secret: %v, want %v", text, got, want)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	c := loadConfig(b, "http://127.0.0.1:1", asked())
	for i := range 500 {
		c.Auth.Tokens = append(c.Auth.Tokens, "gw_"+strings.Repeat(string(rune('a'+i%26)), 20))
	}
	s := newSecrets(c)
	for b.Loop() {
		s.mask("/openai/v1/chat/completions")
	}
}
