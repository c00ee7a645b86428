package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// secretEnv has one kind of value for every variable and file, so that
// any trace of it in an error is a leak.
func secretEnv(text []byte) Env {
	return Env{
		Lookup: func(name string) (string, bool) { return canary + "\n" + canary, !strings.HasPrefix(name, "UN") },
		ReadFile: func(path string) ([]byte, error) {
			switch filepath.Base(path) {
			case "fuzz.yaml":
				return text, nil
			case "none":
				return nil, errors.New("no such file")
			}
			return []byte(canary), nil
		},
	}
}

// checkErrors holds what is true of the problems of any file.
func checkErrors(t *testing.T, text string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	problems, ok := err.(Problems)
	if !ok || len(problems.List) == 0 {
		t.Fatalf("got %#v, want Problems", err)
	}
	lines := len(splitLines(text))
	for i, p := range problems.List {
		if p.Message == "" || p.File != "fuzz.yaml" || p.Line < 0 || p.Line > lines || p.Line > 0 && p.Column < 1 {
			t.Errorf("problem %+v in a file of %d lines", p, lines)
		}
		if i > 0 && p.Line < problems.List[i-1].Line {
			t.Errorf("line %d is reported after line %d", p.Line, problems.List[i-1].Line)
		}
		if p.Source != "" && (p.Caret < 0 || p.Caret > len([]rune(p.Source))+1) {
			t.Errorf("caret %d in %q", p.Caret, p.Source)
		}
		for _, shown := range []string{p.Message, p.Source, p.Field} {
			if strings.ContainsFunc(shown, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				t.Errorf("a control character reaches the terminal: %q", shown)
			}
		}
	}
}

// complete holds what every accepted config has.
func complete(c *Config) bool {
	for _, r := range c.Routes {
		for _, u := range r.Upstreams {
			for _, k := range u.Keys {
				if k.ID == "" || k.Value == "" || k.Weight < 1 {
					return false
				}
			}
			if u.Weight < 1 || u.BaseURL.Address == "" || u.RequestTimeout <= 0 || len(u.Keys) > 0 && u.KeyHeader.Name == "" {
				return false
			}
		}
		if len(r.Upstreams) == 0 || r.Retry.MaxAttempts < 1 || r.Cooldown.Max <= 0 || len(r.Cooldown.After) < 5 ||
			r.Retry.Backoff.Initial > r.Retry.Backoff.Max || r.Balancing.Strategy == "" || r.Stream.DrainMax <= 0 {
			return false
		}
	}
	o := c.Observability
	return c.Listen != "" && len(c.Routes) > 0 && len(c.Auth.Tokens) > 0 && len(c.Auth.Sources) > 0 &&
		(!c.Admin.Enabled || c.Admin.Token != "") && c.Admin.PathPrefix != "" &&
		(o == nil || o.Logging.File.MaxFiles > 0 && (!o.Metrics.Enabled || o.Metrics.Token != ""))
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(full))
	f.Add([]byte(pooled))
	for _, pattern := range []string{"testdata/*.bad.yaml", root + "config.example.yaml", "starter.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Load("fuzz.yaml", secretEnv(text))
		checkErrors(t, string(withoutBOM(text)), err)
		switch {
		case err != nil && strings.Contains(err.Error(), canary) && !strings.Contains(string(text), canary):
			t.Errorf("a secret of the environment is shown:\n%v", err)
		case err == nil && !complete(c):
			t.Errorf("accepted without what it needs: %+v", c)
		}
	})
}

// full and pooled are configs with a secret in every place that can hold one:
// two, since how long it takes to try all mistakes grows with the square.
const full = `# ZQX0 in a comment
listen: "127.0.0.1:8080"
gateway_auth:
  tokens: ["ZQX1", 'ZQX2', ZQX3]   # ZQX4
  token_sources: [{type: header, name: x-gw}]
routes:
  - id: a
    prefix: /a
    upstream:
      base_url: "https://a.example"
      request_timeout_ms: 5000
      inject_headers:
        - {name: authorization, value: "Bearer ZQX5"}
        - name: x-b
          value: ZQX6 ZQX6
        - {name: x-c, value: 'ZQX7, ZQX7'}
        - name: x-d
          value: >-
            ZQX8
            ZQX8
      proxy: {protocol: socks, address: "p:1", username: ZQX9, password: "ZQX9"}
`

const pooled = `listen: ":1"
gateway_auth: {tokens: [ZQX1]}
routes:
  - id: a
    prefix: /a
    upstreams:
      - id: one
        base_url: "https://a.example"
        key_header: {name: authorization, prefix: "Bearer "}
        keys:
          - {id: main, value: "ZQX2", weight: 3}
          - id: spare
            value: ZQX3   # ZQX4
            max_inflight: 5
        user_agent: ZQX5
    retry: {max_attempts: 2, on: [429, connect_error], backoff: {jitter: 0.5}}
    cooldown: {429: retry_after, "500": 5}
admin:
  token: 'ZQX6'
  enabled: true
observability: {metrics: {enabled: true, token: "ZQX7"}}
`

// A typing mistake anywhere must not put on the screen what stands in the
// file. The secrets have capitals and digits, as keys have, and are short
// enough to be taken for a field's name.
func TestNoTypingMistakeShowsASecretOfTheFile(t *testing.T) {
	for _, text := range []string{full, pooled} {
		if _, err := Load("fuzz.yaml", secretEnv([]byte(text))); err != nil {
			t.Fatal(err)
		}
		mistype(t, text)
	}
}

func mistype(t *testing.T, full string) {
	try := func(text string) {
		_, err := Load("fuzz.yaml", secretEnv([]byte(text)))
		checkErrors(t, text, err)
		if err != nil && strings.Contains(err.Error(), "ZQX") {
			t.Errorf("shown:\n%v\nof\n%s", err, text)
		}
	}
	const typed, over = "\n\t \"'{}[],:-#&*!|>%?\\", "\n \"':,#"
	for i := range len(full) {
		try(full[:i] + full[i+1:])
		for j := i % 3; j < len(typed); j += 3 { // each place gets a third: enough, and quick with -race
			try(full[:i] + typed[j:j+1] + full[i:])
		}
		for j := i % 2; j < len(over); j += 2 {
			try(full[:i] + over[j:j+1] + full[i+1:])
		}
	}
	lines := strings.SplitAfter(full, "\n")
	for i := range lines {
		for _, indent := range []string{"", " ", "  ", "    ", "        ", "- ", "# "} {
			line := indent + strings.TrimLeft(lines[i], " ")
			try(strings.Join(lines[:i], "") + line + strings.Join(lines[i+1:], ""))
		}
	}
}
