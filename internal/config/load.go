package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Env is what a config is read from. Both functions must be safe to call at
// any time; neither's results appear in a problem.
type Env struct {
	Lookup   func(name string) (string, bool) // an environment variable
	ReadFile func(path string) ([]byte, error)
}

// OS is the environment and the files of this process. It refuses files of
// more than 1 MiB, and a pipe that has not ended after 10 s.
func OS() Env { return Env{Lookup: os.LookupEnv, ReadFile: readBounded} }

// Load reads the config file at path and everything it names. If the file is
// at fault the error is Problems: all kinds of them, not only the first found.
// Load changes nothing outside; it blocks for as long as reading the files takes.
//
// checks find problems that take more than the file to see, such as a
// certificate that does not fit its key. They run even if there are other
// problems; a section with a problem in it is then absent from the Config they
// get (nil or empty), and so is one that the file leaves out. They make their
// problems with Config.Problem.
func Load(path string, env Env, checks ...func(*Config) []Problem) (*Config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", path, err)
	}
	raw, err := env.ReadFile(abs)
	if err != nil {
		return nil, unreadable(path, abs, cause(err))
	}
	if len(raw) > maxFile {
		return nil, unreadable(path, abs, errTooLarge)
	}
	text := string(withoutBOM(raw))
	src := &source{file: path, places: map[string]place{}}
	lines := splitLines(text)
	r := &report{file: path}
	root, wrong := parse(text, lines)
	if wrong != nil {
		r.add(place{"", wrong.line, wrong.column}, "%s", wrong.message)
	}
	if root == nil {
		src.lines = make([]maskedLine, len(lines))
		if n := wrong.line; 1 <= n && n <= len(lines) {
			src.lines[n-1] = maskUnparsed(lines[n-1])
		}
		return nil, finish(r.problems, src, []string{abs})
	}

	d := &decoder{report: r, env: env, dir: filepath.Dir(abs), lines: lines,
		places: src.places, keep: map[*yaml.Node]bool{}}
	var f file
	d.value(sub(&f), place{"", root.Line, root.Column}, root)
	f.check(d)
	src.lines = maskLines(lines, root, d.keep)

	c := f.build(d)
	c.Path, c.src, c.files = abs, src, d.files
	f.checkPIDFile(d, c)
	for _, check := range checks {
		r.problems = append(r.problems, check(c)...)
	}
	if len(r.problems) > 0 {
		return nil, finish(r.problems, src, c.Files())
	}
	return c, nil
}

func unreadable(path, abs string, why error) Problems {
	p := Problem{File: path, Message: fmt.Sprintf("cannot be read: %s", why)}
	return Problems{List: []Problem{p}, files: []string{abs}}
}

// finish puts problems into the order of the file and shows the lines of those
// that are reported.
func finish(all []Problem, src *source, files []string) Problems {
	slices.SortStableFunc(all, func(a, b Problem) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column)
	})
	ps := Problems{List: all[:min(len(all), maxReported)], files: files}
	ps.More = len(all) - len(ps.List)
	for i := range ps.List {
		if ps.List[i].Source == "" {
			src.excerpt(&ps.List[i])
		}
	}
	return ps
}

// Files is every file the config depends on, absolute and once each: itself,
// what ${file:…} names, and the certificates it trusts or shows. A change to any
// of them may be a change of the config.
func (c *Config) Files() []string {
	files := append([]string{c.Path}, c.files...)
	if t := c.InboundTLS; t != nil {
		if t.CertPath != "" {
			files = append(files, t.CertPath, t.KeyPath)
		} else {
			files = append(files, t.SelfSignedCertPath, t.SelfSignedKeyPath)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}
