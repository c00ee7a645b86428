package simulate

import "strings"

// story is what answers go on with. It has characters of two and three bytes,
// so that a cut in the wrong place shows, and none that JSON escapes.
const story = "This text comes from a simulated provider: no model has read your message, and nobody is billed for it. " +
	"Each word is one token and leaves as one event — at a steady pace, as if a model were thinking about the next one. " +
	"A naïve reader may well take it for the real thing."

var storyWords = strings.Fields(story)

// An answer repeats the first words of the last message, but no more than
// these, and none from the first long one on: every one of them is an event.
const (
	echoed      = 12
	longestEcho = 64 // bytes
)

// Answer is the text of that many tokens that answers a request whose last
// message is given.
func Answer(lastMessage string, tokens int) string {
	return strings.Join(tokensFor(lastMessage, tokens), "")
}

// tokensFor is Answer in pieces: each a word, with the blank before it.
func tokensFor(last string, n int) []string {
	opening := []string{"Hello."}
	if said := firstWords(last); len(said) > 0 {
		opening = append([]string{"You", "said:"}, said...)
	}
	tokens := make([]string, n)
	for i := range tokens {
		if i < len(opening) {
			tokens[i] = opening[i]
		} else {
			tokens[i] = storyWords[(i-len(opening))%len(storyWords)]
		}
		if i > 0 {
			tokens[i] = " " + tokens[i]
		}
	}
	return tokens
}

func firstWords(text string) (words []string) {
	for word := range strings.FieldsSeq(text) {
		if len(words) == echoed || len(word) > longestEcho {
			break
		}
		words = append(words, word)
	}
	return words
}

// filler is words of the story, each with a blank before it, in at most that
// many bytes.
func filler(bytes int) string {
	var b strings.Builder
	for i := 0; ; i++ {
		word := storyWords[i%len(storyWords)]
		if b.Len()+1+len(word) > bytes {
			return b.String()
		}
		b.WriteByte(' ')
		b.WriteString(word)
	}
}

// textIn is all the text in a decoded part of a request, however its API nests
// it: a string, a list, or an object with content, parts or text.
func textIn(v any) string {
	return strings.Join(appendTexts(nil, v), "\n")
}

func appendTexts(texts []string, v any) []string {
	switch v := v.(type) {
	case string:
		if v != "" {
			texts = append(texts, v)
		}
	case []any:
		for _, item := range v {
			texts = appendTexts(texts, item)
		}
	case map[string]any:
		for _, name := range []string{"content", "parts", "text"} {
			texts = appendTexts(texts, v[name])
		}
	}
	return texts
}

// lastIn is the text of the last of several messages.
func lastIn(v any) string {
	if messages, ok := v.([]any); ok && len(messages) > 0 {
		return textIn(messages[len(messages)-1])
	}
	return textIn(v)
}
