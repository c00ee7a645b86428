package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// maxNumber bounds every number of the file: it fits an int on any machine,
// and as milliseconds (24 days) or seconds (68 years) a time.Duration.
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

// number is a whole number greater than 0, or 0 or more if zeroOK.
type number struct {
	origin
	v      int
	zeroOK bool
}

func (v *number) or(n int) *number {
	if !v.given {
		v.v = n
	}
	return v
}

// zeroToo allows 0, which is the default if no other is given.
func (v *number) zeroToo() *number { v.zeroOK = true; return v }

func (v *number) least() int {
	if v.zeroOK {
		return 0
	}
	return 1
}

func (v *number) ms() time.Duration   { return time.Duration(v.v) * time.Millisecond }
func (v *number) secs() time.Duration { return time.Duration(v.v) * time.Second }

var wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

func (v *number) decode(d *decoder, n *yaml.Node) {
	wanted := "must be a whole number greater than 0"
	if v.zeroOK {
		wanted = "must be a whole number, 0 or more"
	}
	if s, ok := d.unquoted(n, &v.origin, wanted); ok {
		v.v = d.wholeNumber(s, v.least(), &v.origin, wanted)
	}
}

// wholeNumber is the number that s says.
func (d *decoder) wholeNumber(s string, least int, o *origin, wanted string) int {
	i, err := strconv.ParseInt(s, 10, 64)
	switch {
	case !wholeNumber.MatchString(s) || err == nil && i < int64(least):
		d.problem(o, "%s", wanted)
	case err != nil || i > maxNumber:
		d.problem(o, "must be at most %d", maxNumber)
	default:
		return int(i)
	}
	return 0
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
