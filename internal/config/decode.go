package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxAliased bounds how many values aliases may stand for, since lists of
// aliases to lists of aliases grow beyond any file's size.
const maxAliased = 10_000

// decoder walks a YAML tree against the description of the sections. Each
// problem is reported and the walk goes on.
type decoder struct {
	*report
	env     Env
	dir     string // relative paths start here
	files   []string
	lines   [][]rune
	places  map[string]place
	keep    map[*yaml.Node]bool // scalars that a shown line may show
	aliased int                 // values decoded within an alias
	depth   int                 // aliases being followed
}

// value decodes n into v. key is where its field's name stands: problems with
// a section or with nothing at all are shown there, others at the value.
func (d *decoder) value(v value, key place, n *yaml.Node) {
	o := v.org()
	*o = origin{place: key, given: true}
	if !isNull(n) && (n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode || n.Style&yaml.FlowStyle != 0) {
		o.line, o.column = n.Line, n.Column
	}
	d.places[o.field] = o.place
	if n.Kind == yaml.AliasNode {
		d.depth++
		defer func() { d.depth-- }()
		n = n.Alias
	}
	if d.depth > 0 {
		if d.aliased++; d.aliased > maxAliased {
			if d.aliased == maxAliased+1 {
				d.problem(o, "aliases stand for more than %d values", maxAliased)
			}
			o.bad = true
			return
		}
	}
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		d.problem(o, "a YAML tag (!…) has no meaning here")
	case isNull(n):
		d.keep[n] = true
		d.problem(o, "has nothing in it%s", nothingHint(v))
	default:
		v.decode(d, n)
	}
}

func nothingHint(v value) string {
	switch v := v.(type) {
	case subsection:
		if v.emptyOK {
			return "; leave it out, or write {} for its defaults"
		}
	case *text:
		return `; write "" for an empty text`
	}
	return "; give it a value or leave it out"
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Tag == "!!null"
}

// section decodes a mapping into the fields of s.
func (d *decoder) section(s subsection, n *yaml.Node) {
	o := s.org()
	if n.Kind != yaml.MappingNode {
		d.problem(o, "must be a section: fields, each with a name and a value")
		return
	}
	fields := s.fields()
	seen, meant := map[string]int{}, map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		f, known := s.named(key.Value, fields)
		if wrong := d.wrongInName(key, known); wrong != "" {
			d.add(place{o.field, key.Line, key.Column}, "%s", wrong)
			continue
		}
		d.keep[key] = true
		name := key.Value
		at := place{join(o.field, name), key.Line, key.Column}
		first, again := seen[name]
		seen[name] = key.Line
		switch {
		case again:
			d.add(at, "stands here a second time; the first is on line %d", first)
		case known:
			d.value(f.to, at, val)
		case len(d.problems) > maxReported: // to guess takes long, and nobody will see it
			d.add(at, "unknown field")
		default:
			near := nearest(name, fields)
			meant[near] = true
			d.add(at, "unknown field%s", d.hint(name, near, fields))
		}
	}
	lacking := false
	for _, f := range fields {
		if _, given := seen[f.name]; given {
			continue
		}
		preset(f.to)
		if f.need == required {
			lacking = true
			if !meant[f.name] { // else the hint at it says enough
				d.missing(o, f.name, "is missing")
			}
		}
	}
	lacking = d.alternatives(o, fields, meant) || lacking
	if len(n.Content) == 0 && !lacking && !s.emptyOK {
		d.problem(o, "has nothing in it; give it a field or leave it out")
	}
}

// alternatives reports if not exactly one of the fields is there that stand
// for each other. It says whether none is.
func (d *decoder) alternatives(o *origin, fields []field, meant map[string]bool) (lacking bool) {
	var all, given []string
	for _, f := range fields {
		if f.need != alternative {
			continue
		}
		all = append(all, f.name)
		if !f.to.org().given {
			continue
		}
		if given = append(given, f.name); len(given) > 1 {
			d.problem(f.to.org(), "stands beside %s: only one of the two may be there", given[0])
		}
	}
	if len(all) == 0 || len(given) > 0 {
		return false
	}
	if !slices.ContainsFunc(all, func(name string) bool { return meant[name] }) {
		d.missing(o, all[0], "is missing (or give %s)", strings.Join(all[1:], " or "))
	}
	return true
}

var plausibleName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,31}$`)

// wrongInName says why a key is no field's name that a message may repeat. A
// piece of a value can stand there: in {value: p4ss,word} "word" is a key.
func (d *decoder) wrongInName(key *yaml.Node, known bool) string {
	switch {
	case key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style == 0:
		return "merge keys (<<) are not supported; repeat the fields, or use an alias for a whole value"
	case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0 || !known && !plausibleName.MatchString(key.Value):
		return "unknown field; its name is not shown, since it does not look like a field's"
	case !known && !d.beforeColon(key):
		return "not a field: no colon and value follow (quote a text that has a comma in it)"
	}
	return ""
}

// beforeColon says whether a colon follows a key in the file.
func (d *decoder) beforeColon(key *yaml.Node) bool {
	if key.Line < 1 || key.Line > len(d.lines) {
		return false
	}
	line := d.lines[key.Line-1]
	end, known := scalarEnd(key, line)
	for end < len(line) && isBlank(line[end]) {
		end++
	}
	return known && end < len(line) && line[end] == ':'
}

// scalar is the text of a scalar with every ${…} in it replaced.
func (d *decoder) scalar(n *yaml.Node, o *origin, wanted string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.problem(o, "%s", wanted)
		return "", false
	}
	return d.expand(n.Value, o)
}

// A number or boolean field holds no secret by itself, so what stands in it is
// shown if it looks like a slip of the pen (60s, ten, yes): seeing it is the
// point. Anything longer or stranger may be a secret in the wrong place.
var slip = regexp.MustCompile(`^-?[0-9.]{0,12}[a-z]{0,8}$`)

// unquoted is scalar for numbers and booleans: text in quotes is neither,
// unless quotes are needed around a ${…}.
func (d *decoder) unquoted(n *yaml.Node, o *origin, wanted string) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.Style == 0 && slip.MatchString(n.Value) {
		d.keep[n] = true
	}
	s, ok := d.scalar(n, o, wanted)
	if ok && n.Style != 0 && len(o.refs) == 0 {
		d.problem(o, "%s, not a text in quotes", wanted)
		return "", false
	}
	return s, ok
}
