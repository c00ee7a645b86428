package config

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write config.schema.json anew")

const root = "../../"

var index = regexp.MustCompile(`\[\d+\]`)

// anyEnv answers every variable and file with something usable.
func anyEnv() Env {
	return Env{
		Lookup: func(name string) (string, bool) { return "value-of-" + name, true },
		ReadFile: func(path string) ([]byte, error) {
			if strings.HasSuffix(path, ".yaml") {
				return os.ReadFile(path)
			}
			return []byte("contents-of-a-file\n"), nil
		},
	}
}

func TestExampleIsValidAndHasEveryField(t *testing.T) {
	c, err := Load(root+"config.example.yaml", anyEnv())
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for path := range c.src.places {
		there[index.ReplaceAllString(path, "[]")] = true
	}
	eachField(&file{}, "", func(path string, _ field) {
		one := strings.Replace(path, "upstreams[]", "upstream", 1) // what one has, several have too
		if !there[path] && !there[one] {
			t.Errorf("config.example.yaml has no %s", path)
		}
	})
}

func TestExampleStatesTheDefaults(t *testing.T) {
	c, err := Load(root+"config.example.yaml", anyEnv())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(root + "config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	eachField(&file{}, "", func(path string, f field) { defaults[path] = defaultOf(f.to) })
	for i, line := range strings.Split(string(text), "\n") {
		setting, comment, _ := strings.Cut(line, " # ")
		if !strings.HasPrefix(comment, "default") || strings.Contains(comment, "default:") {
			continue
		}
		_, says, _ := strings.Cut(strings.TrimSpace(setting), ": ")
		found := false
		for field, at := range c.src.places {
			path := index.ReplaceAllString(field, "[]")
			want, known := defaults[path]
			if at.line == i+1 && known {
				found = true
				if want != strings.Trim(says, `" `) {
					t.Errorf("%s: the example says %s, the default is %s", path, says, want)
				}
			}
		}
		if !found {
			t.Errorf("no field for %q", line)
		}
	}
}

// The first config that anybody copies. Each README has one block of YAML.
func TestReadmesConfigIsValid(t *testing.T) {
	for _, page := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(root + page)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "```yaml\n")
		block, _, found := strings.Cut(rest, "```")
		path := t.TempDir() + "/config.yaml"
		if err := os.WriteFile(path, []byte(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Load(path, anyEnv()); !found || err != nil || len(c.Routes) != 2 {
			t.Errorf("%s: %v", page, err)
		}
	}
}

func TestEditorsFirstLineNamesTheSchema(t *testing.T) {
	text, err := os.ReadFile(root + "config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=./config.schema.json\n")) {
		t.Error("config.example.yaml does not begin with its schema")
	}
}

// The schema file is made from the description that decoding follows:
//
//	go test ./internal/config -run Schema -update
func TestSchemaIsWhatTheDecoderKnows(t *testing.T) {
	const path = root + "config.schema.json"
	if *update {
		if err := os.WriteFile(path, JSONSchema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), JSONSchema()) {
		t.Error("config.schema.json is not what the decoder knows; write it anew with -update")
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	eachField(&file{}, "", func(path string, f field) {
		if !strings.HasSuffix(f.doc, ".") {
			t.Errorf("%s: %q is no sentence", path, f.doc)
		}
	})
}

func TestStarterServesTheThreeSDKs(t *testing.T) {
	path := t.TempDir() + "/gateway.yaml"
	if err := os.WriteFile(path, Starter(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, anyEnv())
	if err != nil {
		t.Fatal(err)
	}
	wantSources := []TokenSource{{"authorization", true}, {"x-api-key", false}, {"x-goog-api-key", false}}
	if len(c.Auth.Sources) != 3 || [3]TokenSource(c.Auth.Sources) != [3]TokenSource(wantSources) {
		t.Errorf("token sources %v", c.Auth.Sources)
	}
	want := []struct {
		id, base string
		key      Header
	}{
		{"openai", "https://api.openai.com", Header{"authorization", "Bearer value-of-OPENAI_API_KEY"}},
		{"anthropic", "https://api.anthropic.com", Header{"x-api-key", "value-of-ANTHROPIC_API_KEY"}},
		{"gemini", "https://generativelanguage.googleapis.com", Header{"x-goog-api-key", "value-of-GEMINI_API_KEY"}},
	}
	if len(c.Routes) != len(want) {
		t.Fatalf("%d routes", len(c.Routes))
	}
	for i, w := range want {
		r, u := c.Routes[i], c.Routes[i].Upstreams[0]
		if r.ID != w.id || r.Prefix != "/"+w.id || u.BaseURL.String() != w.base {
			t.Errorf("route %d: %s %s %s", i, r.ID, r.Prefix, u.BaseURL)
		}
		if len(u.InjectHeaders) != 1 || u.InjectHeaders[0] != w.key {
			t.Errorf("route %s injects %v", r.ID, u.InjectHeaders)
		}
		if u.RequestTimeout != 10*time.Minute || len(u.RemoveHeaders) != 1 || u.RemoveHeaders[0] != "cookie" {
			t.Errorf("route %s: %v %v", r.ID, u.RequestTimeout, u.RemoveHeaders)
		}
	}
}

func TestStarterIsNotShared(t *testing.T) {
	Starter()[0] = 'x'
	if Starter()[0] == 'x' {
		t.Error("a caller changed the starter for the next one")
	}
}
