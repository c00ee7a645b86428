// Package simulate is an AI provider without a model: it speaks the APIs of
// OpenAI, Anthropic, Gemini and Ollama as their own SDKs expect them, at a
// chosen pace and with chosen faults. It serves demos, tests and benchmarks. It
// calls nobody, keeps nothing, and knows nothing of what stands between it and
// its client.
//
// # What it answers
//
//	POST /v1/chat/completions             plain and stream, stream_options.include_usage
//	POST /v1/responses                    plain and stream
//	POST /v1/embeddings                   float and base64
//	GET  /v1/models
//	POST /v1/messages                     plain and stream
//	POST /v1/messages/count_tokens
//	POST /v1beta/models/M:generateContent
//	POST /v1beta/models/M:streamGenerateContent   ?alt=sse, or one JSON array
//	POST /api/chat                        NDJSON (the default) and plain
//
// A token is a word. The answer repeats the beginning of the last message and
// goes on with a fixed text, one token an event, so that the same request gets
// the same text and the same usage figures: [Answer] and [Count] tell them
// beforehand. A request that asks for fewer tokens than there are gets its
// answer cut, with the finish reason that the provider would give.
//
// # What can be chosen
//
// [Options.Manner] holds for every request; one request changes it for itself
// with a query parameter, or with a header, which wins:
//
//	sim_pace=40ms          x-sim-pace          wait between two events; a number alone is milliseconds
//	sim_head_delay=2s      x-sim-head-delay    wait before the head
//	sim_tokens=200         x-sim-tokens        tokens of the answer
//	sim_size=1200          x-sim-size          exact bytes of each event with text, or of a plain answer instead of tokens
//	sim_encoding=gzip      x-sim-encoding      gzip, deflate, br or zstd, whatever the client accepts; each event flushed
//	sim_status=429         x-sim-status        refuse with this status, in the provider's own shape
//	sim_retry_after=3      x-sim-retry-after   with a refusal: seconds; date:3 the same as a date; ms:1500 as retry-after-ms
//	sim_fault=truncate     x-sim-fault         one of the faults below
//	sim_after=5            x-sim-after         how many events go out before the fault
//	sim_close=true         x-sim-close         Connection: close
//	sim_unframed=true      x-sim-unframed      neither length nor chunks: the body ends with the connection
//
// Every event on the wire counts, those without text too. A plain answer is two
// events when a fault is to hit it: its first and its second half. A fault due
// after the last event does not happen.
//
//	reset-before-head  the connection is reset instead of an answer
//	garbage-head       bytes that are not HTTP, then the connection closes
//	reset              the connection is reset
//	truncate           the connection closes with the body unfinished
//	garbage            bytes that are no chunk, then the connection closes
//	stall              silence until the client goes
//	end-early          a stream ends as if complete, without its format's end
//	error-event        a stream carries an error in its provider's shape, and ends
//
// A control that is unknown or has a bad value is a 400 that says so.
// sim_status=200, sim_fault=none, sim_encoding=identity and sim_size=0 take back
// for one request what holds for all.
//
// # What it holds
//
// Nothing that a client sends makes memory grow without bound: memory.go has the
// bounds of a head, a body, an answer, and of all requests together. What would
// go beyond the last is refused with a 503.
package simulate
