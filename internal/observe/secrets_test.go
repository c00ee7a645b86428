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
	u.InjectHeaders = append(u.InjectHeaders, config.Header{Name: "api-version", Value: "2024-08-06"})
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
