package config

import (
	"bytes"
	"encoding/json"
	"time"
)

type schema map[string]any

// reference is what a number, a boolean or a fixed word may be written as
// instead: a text that the environment or a file fills in.
var reference = schema{"type": "string", "pattern": `\$\{`}

func (t *text) schema() schema {
	s := schema{"type": "string"}
	if t.words != nil {
		s = schema{"anyOf": []schema{{"enum": t.words}, reference}}
	}
	if t.v != "" {
		s["default"] = t.v
	}
	return s
}

func (v *number) schema() schema {
	s := schema{"anyOf": []schema{{"type": "integer", "minimum": v.least(), "maximum": maxNumber}, reference}}
	if v.v != 0 || v.zeroOK {
		s["default"] = v.v
	}
	return s
}

func (v *ratio) schema() schema {
	return schema{"anyOf": []schema{{"type": "number", "minimum": 0, "maximum": 1}, reference}, "default": v.v}
}

func (v *boolean) schema() schema {
	return schema{"anyOf": []schema{{"type": "boolean"}, reference}, "default": v.v}
}

func (t *trigger) schema() schema {
	return schema{"anyOf": []schema{
		{"enum": []string{connectError}},
		{"type": "integer", "minimum": 400, "maximum": 599},
		{"type": "string", "pattern": failureStatus.String()},
		reference,
	}}
}

func (v *cooldownTime) schema() schema {
	s := schema{"anyOf": []schema{
		{"enum": []string{retryAfter}},
		{"type": "integer", "minimum": 0, "maximum": maxNumber},
		reference,
	}}
	switch {
	case v.v.RetryAfter:
		s["default"] = retryAfter
	case v.v.For > 0:
		s["default"] = int(v.v.For / time.Second)
	}
	return s
}

func (e elements[T]) schema() schema {
	s := schema{"type": "array", "items": e.element().schema()}
	if e.least > 0 {
		s["minItems"] = e.least
	}
	return s
}

func (s subsection) schema() schema {
	properties, needed, either := schema{}, []string{}, []schema{}
	for _, f := range s.fields() {
		properties[f.name] = f.schema()
		switch f.need {
		case required:
			needed = append(needed, f.name)
		case alternative:
			either = append(either, schema{"required": []string{f.name}})
		}
	}
	out := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if s, ok := s.section.(anyNamed); ok {
		pattern, f := s.others()
		out["patternProperties"] = schema{pattern: f.schema()}
	}
	if len(either) > 0 {
		out["oneOf"] = either
	}
	if len(needed) > 0 {
		out["required"] = needed
	} else if !s.emptyOK {
		out["minProperties"] = 1
	}
	return out
}

func (f field) schema() schema {
	s := f.to.schema()
	s["description"] = f.doc
	return s
}

// JSONSchema describes the file to editors (JSON Schema draft 7, the one that
// yaml-language-server knows best). It is looser than Load: it knows fields and
// kinds, not the rules between them.
func JSONSchema() []byte {
	s := sub(&file{}).schema()
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "AI Gateway Lite configuration"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		panic(err) // maps of strings, numbers and lists always encode
	}
	return b.Bytes()
}
