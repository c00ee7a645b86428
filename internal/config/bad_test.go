package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canary is in every secret of the environment that tests load configs with.
const canary = "c4n4ry"

// testEnv has the variables that files in testdata use.
func testEnv() Env {
	vars := map[string]string{
		"GW_TOKEN": canary + "-token", "PROVIDER_KEY": canary + "-key", "LIMIT_BLANK": "60 ",
		"EMPTY": "", "TWO_LINES": canary + "\nx-evil: " + canary, "LONG": strings.Repeat(canary, 50), "LATIN_1": "caf\xe9",
	}
	return Env{
		Lookup:   func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		ReadFile: OS().ReadFile,
	}
}

// Each bad file has one mistake and begins with the problems it must give,
// all of them, in order:
//
//	# want LINE:COLUMN: FIELD: MESSAGE
func TestEveryMistakeIsNamedWithItsPlace(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".bad.yaml"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(text)) {
				if w, ok := strings.CutPrefix(line, "# want "); ok {
					want = append(want, strings.TrimSpace(w))
				}
			}
			_, err = Load(path, testEnv())
			problems, ok := err.(Problems)
			if !ok {
				t.Fatalf("got error %v, want Problems", err)
			}
			var got []string
			for _, p := range problems.List {
				first, _, _ := strings.Cut(p.String(), "\n")
				got = append(got, strings.TrimLeft(strings.TrimPrefix(first, path), ": "))
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
			for _, secret := range []string{canary, "s3cret", "x-evil", "4bB"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q is shown:\n%v", secret, err)
				}
			}
		})
	}
}
