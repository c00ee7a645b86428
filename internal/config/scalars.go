package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxNumber bounds every number of the file: it fits an int on any machine,
// and as milliseconds (24 days) a time.Duration.
const maxNumber = 1<<31 - 1

// text is a scalar taken as it is written; a bare number or true is text too.
type text struct {
	origin
	v     string
	words []string // if not nil: the only ones allowed, at least two
}

func (t *text) or(v string) *text {
	if !t.given {
		t.v = v
	}
	return t
}

func (t *text) oneOf(words ...string) *text { t.words = words; return t }

func (t *text) decode(d *decoder, n *yaml.Node) {
	v, ok := d.scalar(n, &t.origin, "must be text")
	if !ok {
		return
	}
	if t.v = v; t.words != nil && !slices.Contains(t.words, v) {
		last := len(t.words) - 1
		d.problem(&t.origin, "must be %s or %s", strings.Join(t.words[:last], ", "), t.words[last])
	}
}

// quoted is the text as a message may show it. What came from the environment
// or a file is never shown; the message says by itself where it came from.
func (t *text) quoted() string {
	if len(t.refs) > 0 {
		return "this"
	}
	v := []rune(t.v)
	return fmt.Sprintf("%q", string(v[:min(len(v), 80)]))
}

// number is a whole number greater than 0.
type number struct {
	origin
	v int
}

func (v *number) or(n int) *number {
	if !v.given {
		v.v = n
	}
	return v
}

var wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

func (v *number) decode(d *decoder, n *yaml.Node) {
	const wanted = "must be a whole number greater than 0"
	s, ok := d.unquoted(n, &v.origin, wanted)
	if !ok {
		return
	}
	i, err := strconv.ParseInt(s, 10, 64)
	switch {
	case !wholeNumber.MatchString(s) || s == "0":
		d.problem(&v.origin, wanted)
	case err != nil || i > maxNumber:
		d.problem(&v.origin, "must be at most %d", maxNumber)
	default:
		v.v = int(i)
	}
}

// boolean is true or false, and nothing else that YAML 1.1 took for one.
type boolean struct {
	origin
	v bool
}

func (v *boolean) or(b bool) *boolean {
	if !v.given {
		v.v = b
	}
	return v
}

func (v *boolean) decode(d *decoder, n *yaml.Node) {
	const wanted = "must be true or false"
	s, ok := d.unquoted(n, &v.origin, wanted)
	if !ok {
		return
	}
	if v.v = s == "true"; s != "true" && s != "false" {
		d.problem(&v.origin, wanted)
	}
}
