package usage

import (
	"bytes"

	"ai-gw-lite/internal/eight"
)

// textEnd finds the quote that ends the string that goes on at p[i]. Most
// strings are short and some are mostly escapes: a search that reaches far
// ahead is left for where the next bytes are plain.
func (w *walker) textEnd(p []byte, i int) (end int, closed bool) {
	if w.escaped {
		w.escaped = false
		i++
	}
	quote := -1 // where the next one is, once looked for: or escapes would take quadratic time
	for plain := 0; i < len(p); {
		switch p[i] {
		case '"':
			return i, true
		case '\\':
			i += 2
			plain = 0
			continue
		}
		n := 1
		if i+8 <= len(p) {
			n = plainBytes(eight.Of(p[i:]))
		}
		i += n
		if plain += n; plain < 16 {
			continue
		}
		if quote < i {
			quote = next(p, i, '"')
		}
		i = next(p[:quote], i, '\\')
		plain = 0
	}
	if i > len(p) {
		w.escaped = true
	}
	return len(p), false
}

// plainBytes is how many of eight bytes come before a quote or a backslash.
func plainBytes(word uint64) int {
	return eight.Before(eight.Equal(word, '"') | eight.Equal(word, '\\'))
}

// next is the index of c in p from i on, or len(p).
func next(p []byte, i int, c byte) int {
	if n := bytes.IndexByte(p[i:], c); n >= 0 {
		return i + n
	}
	return len(p)
}

// plainEnd is where a short text without escapes ends that begins at p[i]: at
// its quote; -1: not near.
func plainEnd(p []byte, i int) int {
	for end := i; end+8 <= len(p) && end < i+64; end += 8 {
		if n := plainBytes(eight.Of(p[end:])); n < 8 {
			if p[end+n] == '"' {
				return end + n
			}
			return -1
		}
	}
	return -1
}
