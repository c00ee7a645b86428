package simulate

import "strings"

// Usage is what an exchange is billed for, in tokens. Each provider shows it
// under names and sums of its own; these are the parts.
type Usage struct {
	Prompt     int // the whole prompt, however it was read
	CacheRead  int // the part of Prompt that came from a cache
	CacheWrite int // the part of Prompt that was written to a cache
	Answer     int // the text of the answer
	Reasoning  int // thought but not shown; not a part of Answer
}

// Count is the usage of a request whose text is prompt and whose answer is
// answer: a word is a token; half of the prompt comes from a cache and a quarter
// goes to it, where the provider has that; and it takes a token of reasoning to
// say four.
func Count(prompt, answer string) Usage {
	p, a := words(prompt), words(answer)
	return Usage{Prompt: p, CacheRead: p / 2, CacheWrite: p / 4, Answer: a, Reasoning: a / 4}
}

// Uncached is the part of the prompt that no cache had to do with.
func (u Usage) Uncached() int { return u.Prompt - u.CacheRead - u.CacheWrite }

// Output is all that was generated, shown or not.
func (u Usage) Output() int { return u.Answer + u.Reasoning }

// words counts the words of a text.
func words(text string) (n int) {
	for range strings.FieldsSeq(text) {
		n++
	}
	return n
}
