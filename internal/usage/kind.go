package usage

import "bytes"

// A kind is what the type of an event says about it.
type kind uint8

const (
	typed      kind = 1 << iota // it has a type
	streaming                   // of a format that prescribes how a stream ends
	ending                      // this is that end
	failing                     // an error
	responding                  // the end of one response within a session
)

// kindOf knows the types that Anthropic, OpenAI (responses, realtime) and
// Cohere give their events.
func kindOf(text []byte) kind {
	switch string(text) {
	case "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "ping",
		"message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "tool-call-start", "tool-call-delta", "tool-call-end", "citation-start", "citation-end",
		"stream-start", "text-generation", "search-queries-generation", "search-results", "tool-calls-generation", "citation-generation":
		return typed | streaming
	case "message_stop", "message-end", "stream-end":
		return typed | streaming | ending
	case "response.completed", "response.incomplete":
		return typed | streaming | ending | responding
	case "response.failed":
		return typed | streaming | ending | failing | responding
	case "response.done":
		return typed | ending | responding
	case "error":
		return typed | ending | failing
	}
	k := typed
	if bytes.HasPrefix(text, []byte("response.")) {
		k |= streaming
	}
	return k
}
