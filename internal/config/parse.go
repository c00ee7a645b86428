package config

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxFile bounds a config file and each file it names.
const maxFile = 1 << 20

// syntaxError is why a text is not one YAML document.
type syntaxError struct {
	line, column int // 0: unknown
	message      string
}

// parse reads text, whose lines are given, as exactly one YAML document. A
// tree comes back even if a second document follows.
func parse(text string, lines [][]rune) (*yaml.Node, *syntaxError) {
	if wrong := checkEncoding(text); wrong != nil {
		return nil, wrong
	}
	loader, err := yaml.NewLoader(strings.NewReader(text))
	if err != nil {
		return nil, &syntaxError{message: "not valid YAML"}
	}
	var first, second yaml.Node
	switch err := loader.Load(&first); {
	case err == io.EOF || err == nil && len(first.Content) == 1 && isNull(first.Content[0]):
		return nil, &syntaxError{message: "the file is empty: it needs listen, gateway_auth and routes"}
	case err != nil:
		return nil, explain(err, lines)
	}
	switch err := loader.Load(&second); {
	case err == io.EOF:
		return first.Content[0], nil
	case err != nil:
		return nil, explain(err, lines)
	}
	return first.Content[0], &syntaxError{second.Line, second.Column, "a second YAML document begins here; one file is one config"}
}

// checkEncoding finds what is not UTF-8 text of YAML 1.1 §5.1 (the library
// does not say where it found it).
func checkEncoding(text string) *syntaxError {
	for i, r := range text {
		wrong := ""
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			wrong = "the file is not UTF-8 text"
		case r < ' ' && !strings.ContainsRune("\t\r\n", r), 0x7f <= r && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			wrong = "control characters are not allowed in YAML"
		default:
			continue
		}
		before := splitLines(text[:i])
		return &syntaxError{len(before), len(before[len(before)-1]) + 1, wrong}
	}
	return nil
}

// explain makes the library's error one that repeats nothing of the file.
func explain(err error, lines [][]rune) *syntaxError {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return &syntaxError{message: "not valid YAML"}
	}
	at, message := load.Mark, load.Message
	switch {
	case strings.HasPrefix(message, "unknown anchor"): // goes on with its name
		message = "an alias (*…) to an anchor (&…) that is not there; quote a text that begins with *"
	case strings.HasPrefix(message, "found character '"): // goes on with the character
		message = "a character that a tag (!…) cannot have; quote a text that begins with !"
	case strings.HasSuffix(message, "unexpected end of stream"): // say where it began
		at = load.ContextMark
	}
	if at.Line == 0 {
		at = load.ContextMark
	}
	if load.ContextMsg != "" {
		message = load.ContextMsg + ": " + message
	}
	e := &syntaxError{at.Line, at.Column, "not valid YAML: " + message}
	if e.line > len(lines) { // the library adds a last newline of its own
		e.line = len(lines)
		e.column = len(lines[e.line-1]) + 1
	}
	if e.line >= 1 {
		e.message += syntaxHint(lines[e.line-1], e.column, strings.Contains(load.ContextMsg, "flow"))
	}
	return e
}

// syntaxHint is what is behind most mistakes at such a place.
func syntaxHint(line []rune, column int, flow bool) string {
	if flow && strings.Contains(string(line), "${") {
		return " (inside {…} and […] a ${…} must stand in quotes)"
	}
	if 1 <= column && column <= len(line) {
		switch line[column-1] {
		case '\t':
			return " (YAML indents with blanks, not tabs)"
		case '@', '`', '%':
			return " (a text that begins with this character must stand in quotes)"
		}
	}
	return ""
}

// withoutBOM is text without the byte order mark that some editors put first.
func withoutBOM(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\ufeff")) }
