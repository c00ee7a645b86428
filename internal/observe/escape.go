package observe

import (
	"strconv"
	"unicode/utf8"

	"ai-gw-lite/internal/eight"
)

const hexDigits = "0123456789abcdef"

// appendJSON appends a JSON string (RFC 8259) that is sure to stay on its line
// and to leave a terminal alone: control characters, line separators and what
// turns the direction of text are escaped, and bytes that are no UTF-8 become U+FFFD.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		plain := i
		for i+8 <= len(s) && areAsIs(eight.Of(s[i:])) {
			i += 8
		}
		for i < len(s) && asIs[s[i]] {
			i++
		}
		b = append(b, s[plain:i]...)
		if i == len(s) {
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = appendRune(b, r)
		i += size
	}
	return append(b, '"')
}

// asIs are the bytes that a JSON string may have as they are, on any terminal.
var asIs = func() (t [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// areAsIs: all of eight bytes are.
func areAsIs(word uint64) bool {
	return eight.Equal(word, '"')|eight.Equal(word, '\\')|eight.Below(word, ' ')|eight.BeyondASCII(word) == 0
}

func appendRune(b []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(b, '\\', byte(r))
	case r < ' ', r >= 0x7f && r < 0xa0, r >= '\u2028' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return append(b, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
	return utf8.AppendRune(b, r)
}

// appendCompact appends valid JSON without its blanks, some of which are line
// ends, and with its strings as appendJSON would have them.
func appendCompact(b, valid []byte) []byte {
	if isDense(valid) {
		return append(b, valid...)
	}
	inString, plain := false, 0 // valid[plain:i] is to be appended as it is
	for i := 0; i < len(valid); i++ {
		switch c := valid[i]; {
		case c == '"':
			inString = !inString
		case c == '\\':
			i++
		case c <= ' ' && !inString:
			b = append(b, valid[plain:i]...)
			plain = i + 1
		case c >= 0x7f:
			r, size := utf8.DecodeRune(valid[i:])
			b = appendRune(append(b, valid[plain:i]...), r)
			i += size - 1
			plain = i + 1
		}
	}
	return append(b, valid[plain:]...)
}

// isDense reports text of visible ASCII characters alone, as most providers
// write their usage.
func isDense(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if word := eight.Of(b); eight.Below(word, '!')|eight.BeyondASCII(word) != 0 {
			return false
		}
	}
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// appendText appends a value as log/slog's text handler would: bare if it is
// plain, else quoted as Go does.
func appendText(b []byte, s string) []byte {
	if s == "" {
		return append(b, `""`...)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\' {
			return strconv.AppendQuote(b, s)
		}
	}
	return append(b, s...)
}
