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

func FuzzLoad(f *testing.F) {
	f.Add([]byte(minimal))
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
		case err == nil && (c.Listen == "" || len(c.Routes) == 0 || len(c.Auth.Tokens) == 0 || len(c.Auth.Sources) == 0):
			t.Errorf("accepted without what it needs: %+v", c)
		}
	})
}

// full is a config with a secret in every place that can hold one.
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

// A typing mistake anywhere must not put on the screen what stands in the
// file. The secrets have capitals and digits, as keys have, and are short
// enough to be taken for a field's name.
func TestNoTypingMistakeShowsASecretOfTheFile(t *testing.T) {
	if _, err := Load("fuzz.yaml", secretEnv([]byte(full))); err != nil {
		t.Fatal(err)
	}
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
