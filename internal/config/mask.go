package config

import (
	"slices"
	"sort"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

const masked = "****"

// maskedLine is one line of a file with every text value in it replaced by
// ****. steps map its columns to those of the original, left to right.
type maskedLine struct {
	text  []rune
	steps []step
}

// step says that from original column src on, columns from 0, the masked line
// goes on at dst: letter by letter, or, if hidden, with a mask.
type step struct {
	src, dst int
	hidden   bool
}

// shown is the column of the masked line that stands for original column src.
func (l maskedLine) shown(src int) int {
	i := sort.Search(len(l.steps), func(i int) bool { return l.steps[i].src > src })
	if i == 0 {
		return 0
	}
	at := l.steps[i-1].dst
	if !l.steps[i-1].hidden {
		at += src - l.steps[i-1].src
	}
	return min(at, len(l.text))
}

// maskLines masks the lines of a file that was understood. It keeps only what
// is known to be harmless: punctuation between scalars, and the scalars in
// keep, which are names of fields and short values of number and boolean
// fields. Anything else, values, comments, anchors and what it cannot account
// for, is masked or dropped.
func maskLines(lines [][]rune, root *yaml.Node, keep map[*yaml.Node]bool) []maskedLine {
	starting := make([][]*yaml.Node, len(lines))
	eachScalar(root, func(n *yaml.Node) {
		if n.Line <= len(lines) {
			starting[n.Line-1] = append(starting[n.Line-1], n)
		}
	})
	out := make([]maskedLine, len(lines))
	open := false // the last scalar goes on into this line
	for i, line := range lines {
		m := masker{line: line}
		if open && len(starting[i]) == 0 {
			m.hideRest()
		} else {
			open = m.scalars(starting[i], keep)
		}
		out[i] = m.done()
	}
	return out
}

// eachScalar visits the scalars below n that have a text, in the order of the file.
func eachScalar(n *yaml.Node, visit func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode && (n.Value != "" || n.Style != 0) {
		visit(n)
	}
	for _, child := range n.Content {
		eachScalar(child, visit)
	}
}

// scalarEnd is the column after a scalar that begins at column n.Column of
// line, from 0. It is known only for one that ends on that line.
func scalarEnd(n *yaml.Node, line []rune) (end int, known bool) {
	from := n.Column - 1
	if from < 0 || from >= len(line) {
		return len(line), false
	}
	rest := line[from:]
	switch n.Style {
	case 0:
		value := []rune(n.Value)
		if len(value) <= len(rest) && slices.Equal(value, rest[:len(value)]) {
			return from + len(value), true
		}
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		if length := quotedLength(rest); length > 0 {
			return from + length, true
		}
	}
	return len(line), false
}

// quotedLength is the length of the quoted scalar that text begins with, 0 if
// it is not closed.
func quotedLength(text []rune) int {
	if len(text) == 0 || text[0] != '"' && text[0] != '\'' {
		return 0
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] == '"':
			i++
		case text[i] != text[0]:
		case text[0] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return 0
}

// masker writes one masked line.
type masker struct {
	line []rune
	pos  int // what stands before it is written
	out  []rune
	made []step
}

// scalars writes a line on which these scalars begin. It reports whether the
// last one goes on into the next line.
func (m *masker) scalars(nodes []*yaml.Node, keep map[*yaml.Node]bool) (open bool) {
	for i, n := range nodes {
		m.between(n.Column - 1)
		end, known := scalarEnd(n, m.line)
		if i+1 < len(nodes) && (!known || end > nodes[i+1].Column-1) {
			end, known = nodes[i+1].Column-1, false
		}
		if known && keep[n] {
			m.keep(end)
		} else {
			m.hide(end)
		}
		open = !known
	}
	m.tail()
	return open
}

// between writes what stands between two scalars: all of it if it is
// punctuation alone, else with a mask over the rest.
func (m *masker) between(end int) {
	end = min(end, len(m.line))
	first, last := -1, -1
	for i := m.pos; i < end; i++ {
		if !isPunctuation(m.line[i]) {
			if last = i; first < 0 {
				first = i
			}
		}
	}
	if first >= 0 {
		m.keep(first)
		m.hide(last + 1)
	}
	m.keep(end)
}

// tail writes what stands after the last scalar, without the comment there.
func (m *masker) tail() {
	for i := m.pos; i < len(m.line); i++ {
		if m.line[i] == '#' && (i == 0 || unicode.IsSpace(m.line[i-1])) {
			m.line = m.line[:i]
		}
	}
	m.between(len(m.line))
}

// hideRest masks all that is left of the line but blanks before it.
func (m *masker) hideRest() {
	start := m.pos
	for start < len(m.line) && isBlank(m.line[start]) {
		start++
	}
	m.keep(start)
	m.hide(len(m.line))
}

func (m *masker) keep(end int) {
	if end = min(end, len(m.line)); end > m.pos {
		m.made = append(m.made, step{src: m.pos, dst: len(m.out)})
		m.out = append(m.out, m.line[m.pos:end]...)
		m.pos = end
	}
}

func (m *masker) hide(end int) {
	if end = min(end, len(m.line)); end > m.pos {
		m.made = append(m.made, step{src: m.pos, dst: len(m.out), hidden: true})
		m.out = append(m.out, []rune(masked)...)
		m.pos = end
	}
}

func (m *masker) done() maskedLine { return maskedLine{m.out, m.made} }

func isPunctuation(r rune) bool { return strings.ContainsRune(" \t{}[],:-?", r) }
