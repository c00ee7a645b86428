package config

import "strings"

// place is where a value stands: its field, and the line and column, from 1,
// at which it begins.
type place struct {
	field        string
	line, column int
}

// source is a config file as its problems may show it, and where its fields stand.
type source struct {
	file   string
	lines  []maskedLine
	places map[string]place
}

// find is the place of a field, or of the nearest section around it.
func (s *source) find(field string) place {
	for {
		if at, ok := s.places[field]; ok {
			return at
		}
		if field == "" {
			return place{line: 1, column: 1}
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
}

// excerpt gives a problem its source line: without its indentation, and of a
// long line only what stands around the caret.
func (s *source) excerpt(p *Problem) {
	const before, width = 60, 120
	if p.Line < 1 || p.Line > len(s.lines) {
		return
	}
	line := s.lines[p.Line-1]
	text, caret := line.text, line.shown(p.Column-1)
	for caret > 0 && isBlank(text[0]) {
		text, caret = text[1:], caret-1
	}
	head, tail := "", ""
	if from := caret - before; from > 0 && len(text) > width {
		head, text, caret = "…", text[from:], before+1
	}
	if len(text) > width {
		text, tail = text[:width], "…"
	}
	for len(text) > caret && isBlank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	shown := strings.ReplaceAll(string(text), "\t", " ") // so that the caret keeps its column
	p.Source, p.Caret = head+shown+tail, caret
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

// splitLines cuts a text where YAML does (YAML 1.1 §5.4), into characters.
func splitLines(text string) [][]rune {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	var lines [][]rune
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, []rune(line))
	}
	return lines
}

// join is the path of a field within a section.
func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}
