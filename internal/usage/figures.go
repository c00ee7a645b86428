package usage

import (
	"math"
	"strconv"
)

// A field is one figure that providers report. Names that mean the same
// share a field; those that only look alike do not.
type field uint8

const (
	wholeInput   field = iota // prompt_tokens and its like: cached tokens are a part of it
	input                     // input_tokens: with cached tokens for OpenAI, without for Anthropic and Bedrock
	toolInput                 // Gemini's toolUsePromptTokenCount, on top of the prompt
	billedInput               // Cohere's billed_units, where there is nothing else
	cachedPart                // part of the input that was read from a cache
	writtenPart               // part of the input that was written to a cache
	cacheRead                 // read from a cache, on top of input_tokens
	cacheWrite                // written to a cache, on top of input_tokens
	cacheWrite5m              // cacheWrite, split by lifetime
	cacheWrite1h              //
	completion                // completion_tokens and its like
	output                    // output_tokens
	billedOutput              // Cohere's billed_units
	candidates                // Gemini's output, thoughts apart
	thoughts                  // Gemini's thoughts, on top of candidates
	reasoning                 // part of the output
	total                     //
	fieldCount                // how many there are
)

// figures are the fields seen so far.
type figures struct {
	seen uint32 // bit per field
	n    [fieldCount]int64
}

func (f *figures) set(i field, n int64) {
	f.seen |= 1 << i
	f.n[i] = n
}

func (f *figures) get(i field) Count {
	return Count{f.n[i], f.seen&(1<<i) != 0}
}

// update overwrites with what is known of later. Figures are cumulative within
// an answer, at every provider that repeats them: the last one counts, and
// adding them up is the classic mistake.
func (f *figures) update(later *figures) {
	for i := range fieldCount {
		if later.seen&(1<<i) != 0 {
			f.set(i, later.n[i])
		}
	}
}

// normal is the one form for every provider.
//
//   - prompt_tokens and its like include what the cache gave and took, named in
//     prompt_tokens_details and elsewhere (OpenAI's SDK: "details of the prompt").
//   - input_tokens do so too for OpenAI (input_tokens_details), but for Anthropic
//     "total input tokens is the summation of input_tokens,
//     cache_creation_input_tokens and cache_read_input_tokens", and Bedrock's
//     camel-case names follow Anthropic. The names tell them apart.
//   - Gemini counts tool results beside the prompt and thoughts beside the
//     candidates, and omits what is zero.
//
// Some gateways send the names of both families with zeros in the one they do
// not use: prompt_tokens come first unless they are that one.
func (f *figures) normal() Usage {
	var u Usage
	var whole Count // all input
	in, in1h, in5m := f.get(input), f.get(cacheWrite1h), f.get(cacheWrite5m)
	written := f.get(cacheWrite).or(either(in5m, in1h))
	cachedWithin, writtenWithin := f.get(cachedPart).unless(f.get(cacheRead)), f.get(writtenPart).unless(written)
	u.CacheRead = cachedWithin.or(f.get(cacheRead))
	u.CacheWrite = writtenWithin.or(written)
	u.CacheWrite1h = in1h

	whole = f.get(wholeInput).unless(in).and(f.get(toolInput))
	beside := f.get(cacheRead).known || written.known
	within := cachedWithin.known || writtenWithin.known
	switch {
	case whole.known:
		u.InputUncached = whole.less(u.CacheRead).less(u.CacheWrite)
	case in.known && beside && !within:
		u.InputUncached = in
		whole = in.and(u.CacheRead).and(u.CacheWrite)
	default:
		whole = in.or(f.get(billedInput))
		u.InputUncached = whole.less(u.CacheRead).less(u.CacheWrite)
	}

	u.Output = f.out()
	u.Reasoning = f.get(reasoning).or(f.get(thoughts))
	var sum Count
	if whole.known && u.Output.known {
		sum = whole.and(u.Output)
	}
	u.Total = f.get(total).unless(sum).or(sum)
	return u
}

// out is all output that is billed.
func (f *figures) out() Count {
	if c := f.get(completion).unless(f.get(output)); c.known {
		return c
	}
	return f.get(output).or(either(f.get(candidates), f.get(thoughts))).or(f.get(billedOutput))
}

// number reads a JSON number as a count. Cohere sends floats ("12.0"); what is
// negative, fractional or beyond a float's whole numbers is no count.
func number(text []byte) (int64, bool) {
	var n int64
	for i, c := range text {
		if c < '0' || c > '9' || i == 15 {
			f, err := strconv.ParseFloat(string(text), 64)
			return int64(f), err == nil && f >= 0 && f <= 1<<53 && f == math.Trunc(f)
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(text) > 0
}
