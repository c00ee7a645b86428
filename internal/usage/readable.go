package usage

import (
	"strconv"
	"unicode"
	"unicode/utf16"

	"ai-gw-lite/internal/eight"
)

// readable: b is JSON that whoever reads a log can take. RFC 8259, section 9, lets
// a reader limit how deep values nest and how large numbers are, and what is
// beyond costs its reader the whole line: numbers are doubles nearly everywhere,
// some readers stop at 64 levels, and some want whole characters alone.
func readable(b []byte) bool {
	v := validator{b: b}
	ok := v.value(0)
	v.blanks()
	return ok && v.i == len(b)
}

const (
	deepest = 32  // levels
	certain = 300 // length of a number that is no double's problem without an exponent
)

type validator struct {
	b []byte
	i int
}

func (v *validator) blanks() {
	for v.i < len(v.b) {
		switch v.b[v.i] {
		case ' ', '\t', '\n', '\r':
			v.i++
		default:
			return
		}
	}
}

// next passes over blanks and c, if that comes next.
func (v *validator) next(c byte) bool {
	v.blanks()
	if v.i == len(v.b) || v.b[v.i] != c {
		return false
	}
	v.i++
	return true
}

func (v *validator) value(depth int) bool {
	v.blanks()
	if v.i == len(v.b) {
		return false
	}
	switch c := v.b[v.i]; c {
	case '{':
		return v.list('}', depth+1)
	case '[':
		return v.list(']', depth+1)
	case '"':
		v.i++
		return v.text()
	case 't':
		return v.word("true")
	case 'f':
		return v.word("false")
	case 'n':
		return v.word("null")
	}
	return v.number()
}

// list is what stands in brackets, of which the first is here: members or
// elements.
func (v *validator) list(end byte, depth int) bool {
	if depth > deepest {
		return false
	}
	v.i++
	if v.next(end) {
		return true
	}
	for (end == ']' || v.next('"') && v.text() && v.next(':')) && v.value(depth) {
		if v.next(end) {
			return true
		}
		if !v.next(',') {
			return false
		}
	}
	return false
}

// text is a string from behind its first quote on.
func (v *validator) text() bool {
	for v.i+8 <= len(v.b) && isPlain(eight.Of(v.b[v.i:])) {
		v.i += 8
	}
	for ; v.i < len(v.b); v.i++ {
		switch c := v.b[v.i]; {
		case c == '"':
			v.i++
			return true
		case c < ' ':
			return false
		case c == '\\':
			if v.i++; v.i == len(v.b) || !v.escape() {
				return false
			}
		}
	}
	return false
}

// isPlain: none of eight bytes is a quote, a backslash or a control character.
func isPlain(word uint64) bool {
	return eight.Equal(word, '"')|eight.Equal(word, '\\')|eight.Below(word, ' ') == 0
}

// escape is the rest of one; its last byte is left. Half a surrogate pair is none:
// what a reader makes of it is unpredictable (RFC 8259, section 8.2).
func (v *validator) escape() bool {
	switch v.b[v.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		unit, ok := v.codeUnit()
		if !ok || !utf16.IsSurrogate(unit) {
			return ok
		}
		if v.i+2 >= len(v.b) || v.b[v.i+1] != '\\' || v.b[v.i+2] != 'u' {
			return false
		}
		v.i += 2
		low, ok := v.codeUnit()
		return ok && utf16.DecodeRune(unit, low) != unicode.ReplacementChar
	}
	return false
}

// codeUnit is what the four digits behind a u say; the last of them is left.
func (v *validator) codeUnit() (unit rune, ok bool) {
	for range 4 {
		if v.i++; v.i == len(v.b) || !isHex(v.b[v.i]) {
			return 0, false
		}
		unit = unit<<4 | rune(hexValue(v.b[v.i]))
	}
	return unit, true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

func (v *validator) word(w string) bool {
	if len(v.b)-v.i < len(w) || string(v.b[v.i:v.i+len(w)]) != w {
		return false
	}
	v.i += len(w)
	return true
}

func (v *validator) number() bool {
	from, exponent := v.i, false
	v.optional('-', '-')
	if !v.optional('0', '0') && !v.digits() {
		return false
	}
	if v.optional('.', '.') && !v.digits() {
		return false
	}
	if v.optional('e', 'E') {
		exponent = true
		v.optional('+', '-')
		if !v.digits() {
			return false
		}
	}
	if exponent || v.i-from > certain {
		_, err := strconv.ParseFloat(string(v.b[from:v.i]), 64)
		return err == nil
	}
	return true
}

func (v *validator) optional(c, or byte) bool {
	if v.i < len(v.b) && (v.b[v.i] == c || v.b[v.i] == or) {
		v.i++
		return true
	}
	return false
}

func (v *validator) digits() bool {
	from := v.i
	for v.i < len(v.b) && v.b[v.i] >= '0' && v.b[v.i] <= '9' {
		v.i++
	}
	return v.i > from
}
