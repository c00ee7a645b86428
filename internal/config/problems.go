package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a config file. It holds no text value of
// the file and nothing out of the environment, so it may be printed and logged.
type Problem struct {
	File         string // as the operator named it
	Line, Column int    // in characters, from 1; 0: the file as a whole
	Field        string // such as routes[0].upstream.base_url; may be empty
	Message      string
	Source       string // the line it stands in, text values masked; may be empty
	Caret        int    // how many characters of Source stand before the place meant
}

// String is "file:line:column: field: message" and, below it, the source line
// with a caret. It has no newline at its end.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Field != "" {
		b.WriteString(": " + p.Field)
	}
	b.WriteString(": " + p.Message)
	if p.Source != "" {
		b.WriteString("\n    " + p.Source + "\n    " + strings.Repeat(" ", p.Caret) + "^")
	}
	return b.String()
}

// Error is String: a problem may turn up only when the configuration is put in force.
func (p Problem) Error() string { return p.String() }

// maxReported bounds the problems of one report. Nobody reads more at a time,
// and a file can be all mistakes.
const maxReported = 100

// Problems is what Load returns for a file that is at fault.
type Problems struct {
	List []Problem // in the order of the file, never empty, at most 100
	More int       // how many there are beyond those

	files []string
}

// Error is every problem as its String, one after the other, and how many more
// there are.
func (ps Problems) Error() string {
	var texts []string
	for _, p := range ps.List {
		texts = append(texts, p.String())
	}
	if ps.More > 0 {
		texts = append(texts, fmt.Sprintf("%s: and %d more problems", ps.List[0].File, ps.More))
	}
	return strings.Join(texts, "\n")
}

// Files is every file that a next Load may read or find changed, absolute and
// once each: those of Config.Files as far as the file at fault tells them, the
// missing ones included. A change to any of them may put things right.
func (ps Problems) Files() []string { return ps.files }

// Problem makes a problem, found outside this package, with the place of field
// in the file. A field that the file leaves to its default stands where the
// section around it does. The message must hold no secret.
func (c *Config) Problem(field, format string, args ...any) Problem {
	p := Problem{File: c.Path, Field: field, Message: fmt.Sprintf(format, args...)}
	if c.src == nil { // not made by Load
		return p
	}
	at := c.src.find(field)
	p.File, p.Line, p.Column = c.src.file, at.line, at.column
	c.src.excerpt(&p)
	return p
}

// report gathers problems while a file is decoded and checked.
type report struct {
	file     string
	problems []Problem
}

func (r *report) add(at place, format string, args ...any) {
	r.problems = append(r.problems, Problem{
		File: r.file, Line: at.line, Column: at.column, Field: at.field,
		Message: fmt.Sprintf(format, args...),
	})
}

// problem reports what is wrong with a value, and where the value came from if
// it does not stand in the file itself. Later rules leave a bad value alone.
func (r *report) problem(o *origin, format string, args ...any) {
	o.bad = true
	message := fmt.Sprintf(format, args...)
	if len(o.refs) > 0 {
		message += " (it comes from " + strings.Join(o.refs, " and ") + ")"
	}
	r.add(o.place, "%s", message)
}

// missing reports a field that is not in the section at o.
func (r *report) missing(o *origin, name, format string, args ...any) {
	r.add(place{join(o.field, name), o.line, o.column}, format, args...)
}

// sound says whether nothing is wrong with a field or anything in it.
func (r *report) sound(field string) bool {
	return !slices.ContainsFunc(r.problems, func(p Problem) bool {
		rest, within := strings.CutPrefix(p.Field, field)
		return within && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}
