// Package usage reads token counts in the bytes of an answer while they pass.
//
// It looks on: a Scanner (for an HTTP answer) or Frames (for a WebSocket) is
// handed each piece as it is relayed, changes nothing, keeps none of it, starts
// no goroutine that outlives it and does not block. Bodies are never held: JSON
// is walked as it passes, and only what stands at a known path (see place) is
// picked up, so that a 10 MiB event costs no more memory than a small one, and a
// text that merely contains the word "usage" is a text. What it cannot read it
// gives up on, and the counts are unknown.
//
// Understood are JSON, server-sent events, newline-delimited JSON and Amazon's
// event stream, plain or under gzip, deflate, br or zstd, and the messages of a
// WebSocket, plain or under permessage-deflate, as OpenAI (chat, completions,
// responses, embeddings, images, transcriptions, realtime), Anthropic, Gemini,
// Cohere, Mistral, DeepSeek, Moonshot, Groq, vLLM, SGLang, Ollama, Bedrock
// Converse, DashScope and watsonx send them.
//
// The package knows nothing of connections, routes or prices.
package usage

import "encoding/json"

// Usage is what one answer cost, in tokens, in one form for every provider.
// Whatever the provider did not say is unknown, not zero.
type Usage struct {
	InputUncached Count `json:"input_uncached"`          // input neither read from nor written to a prompt cache; the whole input if the provider names no cache
	CacheRead     Count `json:"cache_read"`              // input read from a prompt cache
	CacheWrite    Count `json:"cache_write"`             // input written to a prompt cache
	CacheWrite1h  Count `json:"cache_write_1h,omitzero"` // the part of CacheWrite kept for an hour; the rest is kept for five minutes. Anthropic alone says so
	Output        Count `json:"output"`                  // all output that is billed, reasoning included
	Reasoning     Count `json:"reasoning"`               // the part of Output the model thought with
	Total         Count `json:"total"`                   // the provider's own total, else the sum of the above

	// Raw is the provider's usage object as sent: JSON of at most 32 KiB, of
	// at most 32 levels and of numbers that fit a double, or nil. Where an
	// answer has several, each key has its last value that is not null. Ollama
	// and watsonx have no such object: it is made of the figures they put
	// beside the answer. It is the memory of the Scanner or the Frames that
	// read it, and good until their next Reset.
	Raw json.RawMessage `json:"raw,omitempty"`
}

// Result is what was learnt from an answer once it has ended.
type Result struct {
	Usage  Usage
	Model  string // as the answer names it; "" if it does not. Of a session, the first
	Events int64  // events with data, lines, messages; 1 for a plain JSON answer

	// Truncated: the body came to a clean end, but the end that its format
	// prescribes was not seen. Never set for formats that prescribe none.
	Truncated bool

	// InBandError: the answer reports an error in its body, after a head that
	// promised success.
	InBandError bool

	// GaveUp: the answer could not be followed to its end (an unknown coding,
	// corrupt data, too large an expansion), so Usage is unknown.
	GaveUp bool
}

// Progress is what a live view shows of an answer that has not ended.
type Progress struct {
	Model  string // as the answer names it; "": not, or not yet
	Events int64
	Output Count // tokens so far, for providers that say so along the way
}
