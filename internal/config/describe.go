package config

import "go.yaml.in/yaml/v4"

// A config file is described once, by the sections: structs whose fields are
// values and whose fields() method names them, says what they are for and what
// stands in when they are absent. Decoding, the hint at the nearest name and
// the JSON Schema for editors all read that description.

// section is a group of named values.
type section interface {
	org() *origin
	fields() []field
}

// field is one named value of a section.
type field struct {
	name string
	to   value
	need need
	doc  string // for the people who write the file; the schema's description
}

// need says whether a field must stand in its section.
type need int

const (
	optional need = iota
	required
	alternative // exactly one of the section's alternatives must
)

// value is anything a field can hold.
type value interface {
	org() *origin
	decode(d *decoder, n *yaml.Node)
	schema() schema
}

// origin is where a value came from and how it fared.
type origin struct {
	place
	given bool     // it stands in the file
	bad   bool     // a problem with it is reported; rules leave it alone
	refs  []string // the ${…} in it, as written
}

// org gives what holds a value its origin; origin is the embedded field's name.
func (o *origin) org() *origin { return o }

// sub makes a section the value of a field.
func sub(s section) subsection { return subsection{section: s} }

// subsection is a section as a value. A section without a field is a mistake,
// unless that means something: then emptyOK.
type subsection struct {
	section
	emptyOK bool
}

func (s subsection) decode(d *decoder, n *yaml.Node) { d.section(s, n) }

// anyNamed is a section with fields beyond those that it names one by one.
type anyNamed interface {
	// called is the value of such a field, nil if it can have none of that name.
	called(name string) value
	// others says what the names look like, as a pattern for the schema, and
	// what the fields are.
	others() (pattern string, f field)
}

// named is the field of s with this name.
func (s subsection) named(name string, fields []field) (f field, ok bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	if s, ok := s.section.(anyNamed); ok {
		if v := s.called(name); v != nil {
			return field{name: name, to: v}, true
		}
	}
	return field{}, false
}

// preset fills in the defaults of a section that the file leaves out.
func preset(v value) {
	if s, ok := v.(subsection); ok {
		for _, f := range s.fields() {
			preset(f.to)
		}
	}
}

// eachField visits every field below a section with its path, lists as name[].
func eachField(s section, path string, visit func(path string, f field)) {
	for _, f := range s.fields() {
		at := join(path, f.name)
		visit(at, f)
		to := f.to
		if l, ok := to.(interface{ element() value }); ok {
			to, at = l.element(), at+"[]"
		}
		if inner, ok := to.(section); ok {
			eachField(inner, at, visit)
		}
	}
}
