package config

import (
	"errors"
	"strings"
	"testing"
)

func TestReferencesAreReplacedOnceAndAsData(t *testing.T) {
	vars := map[string]string{"A": "a", "B2_": "b", "EMPTY": "", "REF": "${A}", "YAML": `x", "y: [#`, "DOLLAR": "$${A}"}
	files := map[string]string{
		"/abs": "one\n", "/crlf": "one\r\n", "/two": "one\n\n", "/cr": "one\r", "/none": "", "/ref": "${A}", "/cfg/rel": "rel\n", "/has:-dash": "d",
	}
	for in, want := range map[string]string{
		"plain":                   "plain",
		"${A}":                    "a",
		"<${A}${B2_}>":            "<ab>",
		"${A:-x}":                 "a",
		"${UNSET:-x}":             "x",
		"${EMPTY:-x}":             "x",
		"${EMPTY}":                "",
		"${UNSET:-}":              "",
		"${UNSET:-a:-b/c $}":      "a:-b/c $",
		"${REF}":                  "${A}",
		"${YAML}":                 `x", "y: [#`,
		"${DOLLAR}":               "$${A}",
		"$${A}":                   "${A}",
		"$$${A}":                  "$${A}",
		"$${":                     "${",
		"$":                       "$",
		"$5 $A $$ $${A}-$${-${A}": "$5 $A $$ ${A}-${-a",
		"a}b":                     "a}b",
		"${file:/abs}":            "one",
		"${file:/crlf}":           "one",
		"${file:/two}":            "one\n",
		"${file:/cr}":             "one\r",
		"${file:/none}":           "",
		"${file:/ref}":            "${A}",
		"Bearer ${file:rel}!":     "Bearer rel!",
		"${file:/has:-dash}":      "d",
	} {
		d := &decoder{report: &report{}, dir: "/cfg", env: Env{
			Lookup: func(n string) (string, bool) { v, ok := vars[n]; return v, ok },
			ReadFile: func(p string) ([]byte, error) {
				if b, ok := files[p]; ok {
					return []byte(b), nil
				}
				return nil, errors.New("no such file")
			},
		}}
		got, ok := d.expand(in, &origin{})
		if !ok || got != want || len(d.problems) > 0 {
			t.Errorf("%q: got %q, %v, want %q", in, got, d.problems, want)
		}
	}
}

func TestAReferenceStillYieldsANumberOrABoolean(t *testing.T) {
	text := minimal + `rate_limit: {per_minute: "${LIMIT}"}
concurrency:
  downstream_max_inflight: ${MAX:-50}
  upstream_per_key_max_inflight: '${file:seven}'
`
	text = strings.Replace(text, `"https://a.example"`, `"https://a.example", forward_xff: "${YES}", strip_prefix: "${NO:-false}", inject_headers: [{name: x-api-key, value: k}]`, 1)
	env := Env{
		Lookup: func(n string) (string, bool) {
			v, ok := map[string]string{"LIMIT": "12", "YES": "true"}[n]
			return v, ok
		},
		ReadFile: func(path string) ([]byte, error) {
			if strings.HasSuffix(path, "seven") {
				return []byte("7\n"), nil
			}
			return []byte(text), nil
		},
	}
	c, err := Load("config.yaml", env)
	if err != nil {
		t.Fatal(err)
	}
	u := c.Routes[0].Upstreams[0]
	if c.RateLimit.PerMinute != 12 || c.Concurrency.DownstreamMaxInflight != 50 || c.Concurrency.UpstreamPerKeyMaxInflight != 7 || !u.ForwardXFF || u.StripPrefix {
		t.Errorf("got %+v %+v %+v", c.RateLimit, c.Concurrency, u)
	}
}

func TestReferencesInNamesOfFieldsAreNotReplaced(t *testing.T) {
	p := fail(t, minimal+"${GW_TOKEN}: 1\n")
	if len(p) != 1 || p[0].Line != 7 {
		t.Errorf("got %v", p)
	}
}

func TestFilesOfReferencesAreReadFromTheConfigsFolder(t *testing.T) {
	var asked []string
	env := testEnv()
	env.ReadFile = func(p string) ([]byte, error) {
		asked = append(asked, p)
		if strings.HasSuffix(p, "config.yaml") {
			return []byte(strings.Replace(minimal, `"t1"`, `"${file:../run/token}"`, 1)), nil
		}
		return []byte("t\n"), nil
	}
	if _, err := Load("/etc/gw/config.yaml", env); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || strings.ReplaceAll(asked[1], `\`, "/") != "/etc/run/token" {
		t.Errorf("read %q", asked)
	}
}
