package config

import "regexp"

var fieldBeforeColon = regexp.MustCompile(`^(["']?)([a-z0-9_]+)(["']?)[ \t]*:([ \t]+|$)`)

// maskUnparsed masks a line of a file that is not valid YAML, so that nothing
// says where its values begin and end. Only what cannot be part of a value
// stays: indentation, list dashes, names of known fields before a colon, and
// the brackets and commas of a {…} or […] that begins on this line.
func maskUnparsed(line []rune) maskedLine {
	known := fieldNames()
	m := masker{line: line}
	for m.nextIs(' ', '\t') || m.pos+1 < len(m.line) && m.line[m.pos] == '-' && m.line[m.pos+1] == ' ' {
		m.keep(m.pos + 1)
	}
	for depth := 0; m.pos < len(m.line); {
		next := string(m.line[m.pos:min(m.pos+60, len(m.line))]) // longer than any field's name
		if field := fieldBeforeColon.FindStringSubmatch(next); field != nil && known[field[2]] {
			m.keep(m.pos + len(field[0])) // ASCII alone, so bytes are characters
			continue
		}
		switch {
		case m.nextIs('{', '['):
			depth++
			m.keep(m.pos + 1)
		case depth > 0 && m.nextIs('}', ']'):
			depth--
			m.keep(m.pos + 1)
		case depth > 0 && m.nextIs(',', ' '):
			m.keep(m.pos + 1)
		case depth > 0:
			m.hide(m.flowValueEnd())
		default:
			m.hide(len(m.line))
		}
	}
	return m.done()
}

// nextIs says whether the next character is one of these.
func (m *masker) nextIs(any ...rune) bool {
	for _, r := range any {
		if m.pos < len(m.line) && m.line[m.pos] == r {
			return true
		}
	}
	return false
}

// flowValueEnd is where the value that begins here ends within {…} or […].
func (m *masker) flowValueEnd() int {
	rest := m.line[m.pos:]
	if length := quotedLength(rest); length > 0 {
		return m.pos + length
	}
	if rest[0] == '"' || rest[0] == '\'' {
		return len(m.line)
	}
	for i, r := range rest {
		switch r {
		case ',', '{', '}', '[', ']':
			return m.pos + i
		}
	}
	return len(m.line)
}
