package config

import (
	"strings"
	"testing"
)

// shownFor is the source line and the caret below it of the only problem at line.
func shownFor(t *testing.T, text string, line int) string {
	t.Helper()
	for _, p := range fail(t, text) {
		if p.Line == line {
			return p.Source + "\n" + strings.Repeat(" ", p.Caret) + "^"
		}
	}
	t.Fatalf("no problem on line %d of\n%s", line, text)
	return ""
}

func TestTheCaretPointsAtTheMistakeWhateverIsMasked(t *testing.T) {
	for _, x := range []struct{ name, line, want, caret string }{
		{"short value", `rate_limit: {per_minute: soon}`,
			`rate_limit: {per_minute: soon}`, "soon"},
		{"after masks of another width", `cors: {allow_methods: ["a", "bcdefghijk", 'l''m', "G T"], enabled: no}`,
			`cors: {allow_methods: [****, ****, ****, ****], enabled: no}`, ""},
		{"wide characters", `cors: {allow_methods: [日本語日本語, x], enabled: 1.5}`,
			`cors: {allow_methods: [****, ****], enabled: 1.5}`, ""},
		{"comment", `rate_limit: {per_minute: 0} # the s3cret is s3cret`,
			`rate_limit: {per_minute: 0}`, "0"},
		{"comment without a value", `rate_limit: # s3cret`,
			`rate_limit:`, "rate_limit"},
		{"hash in a value", `rate_limit: {per_minute: 0, x: a#b}`,
			`rate_limit: {per_minute: 0, x: ****}`, "0"},
		{"tab", "rate_limit: {per_minute:\tsoon,\tx: y}",
			`rate_limit: {per_minute: soon, x: ****}`, "soon"},
		{"numbers of other fields", `concurrency: {downstream_max_inflight: 5, upstream_per_key_max_inflight: 0}`,
			`concurrency: {downstream_max_inflight: 5, upstream_per_key_max_inflight: 0}`, "0"},
		{"number in an unknown field", `concurrency: {downstream_max_inflight: 5, pin: 1234}`,
			`concurrency: {downstream_max_inflight: 5, pin: ****}`, "pin"},
		{"quoted names", `"rate_limit": {'per_minute': 0}`,
			`"rate_limit": {'per_minute': 0}`, "0"},
		{"anchor and tag", `rate_limit: &s3cret {per_minute: 0}`,
			`rate_limit: **** {per_minute: 0}`, "0"},
		{"long line", `rate_limit: {` + strings.Repeat(`x: "abc", `, 40) + `per_minute: soon}`, "", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := fail(t, minimal+x.line+"\n")
			last := p[len(p)-1]
			for _, q := range p {
				if strings.Contains(q.Message, "must be") || len(p) == 1 {
					last = q
				}
				if strings.Contains(q.Source, "s3cret") {
					t.Errorf("shown: %s", q.Source)
				}
			}
			if x.want != "" && last.Source != x.want {
				t.Errorf("got  %s\nwant %s", last.Source, x.want)
			}
			at := string([]rune(last.Source)[last.Caret:])
			if x.caret != "" && !strings.HasPrefix(at, x.caret) {
				t.Errorf("the caret points at %q, want %q", at, x.caret)
			}
			if x.name == "long line" && (!strings.HasPrefix(at, "soon") || len(last.Source) > 200) {
				t.Errorf("caret at %q of %q", at, last.Source)
			}
		})
	}
}

func TestOnlySlipsInNumberAndBooleanFieldsAreShown(t *testing.T) {
	for value, shown := range map[string]bool{
		"soon": true, "60s": true, "ten": true, "yes": true, "-1": true, "1.5": true, "0": true, "010": true,
		"123456789012": true, "1234567890123": false, "hunter2": false, "True": false, "sk-abc": false,
		"abcdefgh": true, "abcdefghi": false, `"soon"`: false, "'soon'": false, "[soon]": false, "&x soon": false,
		"${GW_TOKEN}": false, "so on": false, "*x": false,
	} {
		text := minimal + "rate_limit:\n  per_minute: " + value + "\n"
		p := fail(t, text)[0]
		if got := strings.Contains(p.Source, strings.Trim(value, `"'[]&`)); got != shown {
			t.Errorf("%s: shown as %q", value, p.Source)
		}
	}
	// The same words in a field of text are values like any other.
	if got := shownFor(t, strings.Replace(minimal, "prefix: /a", "prefix: soon", 1), 5); strings.Contains(got, "soon") {
		t.Errorf("shown: %s", got)
	}
	if got := shownFor(t, minimal+"cors: {allow_origins: [0, 12/3]}", 7); strings.ContainsAny(got, "0123") {
		t.Errorf("shown: %s", got)
	}
}

func TestScalarsOfManyLinesAreMaskedWhole(t *testing.T) {
	for name, value := range map[string]string{
		"literal":      "|\n      s3cret: s3cret\n      - s3cret # s3cret\n",
		"folded":       ">-\n      s3cret\n\n      {s3cret}\n",
		"plain":        "s3cret s3cret\n      s3cret, s3cret\n",
		"double quote": "\"s3cret\n      s3cret: \\\"s3cret\" \n",
		"single quote": "'s3cret\n      s3cret: ''s3cret' \n",
	} {
		text := strings.Replace(minimal, "prefix: /a\n", "prefix: "+value, 1)
		lines := splitLines(text)
		tree, wrong := parse(text, lines)
		if wrong != nil {
			t.Fatalf("%s: %v", name, wrong)
		}
		for i, l := range maskLines(lines, tree, nil) {
			if s := string(l.text); strings.Contains(s, "s3cret") || i > 4 && i < 4+strings.Count(value, "\n") && strings.Trim(s, " *") != "" {
				t.Errorf("%s, line %d: %q", name, i+1, s)
			}
		}
	}
}

func TestLinesOfAFileThatIsNotYAMLShowFieldsAndBracketsAlone(t *testing.T) {
	for in, want := range map[string]string{
		`listen: s3cret`:                         `listen: ****`,
		`  - name: "s3cret`:                      `  - name: ****`,
		`  - s3cret: x`:                          `  - ****`,
		`routes: [}`:                             `routes: [}`,
		`x: {name: a, value: ${S3CRET}}`:         `****`,
		`  - {name: a b, value: ${S3CRET}}`:      `  - {name: ****, value: ****{****}}`,
		`tokens: ["a, b", 'c''d', e f] # s3cret`: `tokens: [****, ****, ****]****`,
		`  tokens: ["s3cret`:                     `  tokens: [****`,
		`  tokens: ['s3cret, listen: s3`:         `  tokens: [****`,
		`"listen": {listen : x}`:                 `"listen": {listen : ****}`,
		"\tlisten: x":                            "\tlisten: ****",
		`rate_limit: {per_minute: 5`:             `rate_limit: {per_minute: ****`,
		``:                                       ``,
		`# s3cret`:                               `****`,
		`- - -`:                                  `- - ****`,
		`tokens: [` + strings.Repeat("a,", 1000): `tokens: [` + strings.Repeat("****,", 1000),
		strings.Repeat(" ", 70) + `{upstream_key_max_inflight: 1}`: strings.Repeat(" ", 70) + `{upstream_key_max_inflight: ****}`,
	} {
		if got := string(maskUnparsed([]rune(in)).text); got != want {
			t.Errorf("%q:\ngot  %q\nwant %q", in, got, want)
		}
	}
}
