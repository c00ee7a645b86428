package simulate

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// question is a request understood: what it asks, and how its provider puts the
// answer.
type question struct {
	model  string
	prompt string // all the text in the request
	last   string // the text of its last message
	limit  int    // the most tokens it wants; 0: any

	whole      func(answer) object           // the answer as one object
	stream     func(answer) iter.Seq[[]byte] // the answer as events; nil: whole is asked for
	mediaType  string                        // of the stream
	firstText  int                           // events of the stream before the first one with text
	errorEvent []byte                        // an error as an event of the stream
	values     int                           // numbers in the answer's vectors
}

// answer is what is said to a question.
type answer struct {
	serial int64
	at     time.Time
	tokens []string // joined, they are the text
	text   string
	cut    bool // by the question's limit
	usage  Usage
}

// answer is the answer of a number of tokens, or of the question's own limit.
func (q question) answer(serial int64, tokens int) answer {
	if tokens == 0 {
		tokens = DefaultTokens
	}
	cut := q.limit > 0 && q.limit < tokens
	if cut {
		tokens = q.limit
	}
	a := answer{serial: serial, at: time.Now(), tokens: tokensFor(q.last, tokens), cut: cut}
	a.text = strings.Join(a.tokens, "")
	a.usage = Count(q.prompt, a.text)
	return a
}

// sized is the whole answer, in exactly the bytes that the manner wants of it
// if the rest of the object leaves room for that.
func (q question) sized(serial int64, manner Manner) object {
	if manner.Size == 0 {
		return q.whole(q.answer(serial, manner.Tokens))
	}
	q.limit = 0
	a := q.answer(serial, 1)
	room := manner.Size - len(q.whole(a).append(nil))
	if room <= 0 {
		return q.whole(a)
	}
	// Fill with words, stop short of what the growing figures of the usage may
	// take, and make up the rest with dots, which are no words.
	const figures = 64
	a.text += filler(room - figures)
	a.usage = Count(q.prompt, a.text)
	if rest := manner.Size - len(q.whole(a).append(nil)); rest > 0 {
		a.text += strings.Repeat(".", rest)
	}
	return q.whole(a)
}

// paced is the answer as events. Those with text have exactly the bytes that the
// manner wants of them if what is around the text leaves room for that.
func (q question) paced(serial int64, manner Manner) iter.Seq[[]byte] {
	a := q.answer(serial, manner.Tokens)
	if manner.Size == 0 {
		return q.stream(a)
	}
	// Dots behind a word make it no second one, so that no figure changes.
	padded := slices.Clone(a.tokens)
	event := -q.firstText
	for e := range q.stream(a) {
		if event >= len(padded) {
			break
		}
		if event >= 0 {
			padded[event] += strings.Repeat(".", max(0, manner.Size-len(e)))
		}
		event++
	}
	a.tokens, a.text = padded, strings.Join(padded, "")
	return q.stream(a)
}
