package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// What client and upstream exchange. Sizes are fixed, so that a byte too many
// or too few anywhere is an error of the proxy in between.
const (
	requestSize = 700  // bytes of a chat completion request
	answerSize  = 1200 // bytes of a JSON answer

	promptTokens, outputTokens = 120, 180 // what each answer says it used

	clientToken = "Bearer gw_bench"    // what the client holds
	providerKey = "Bearer sk-provider" // what the upstream insists on
)

var (
	chatRequest = pad(`{"model":"gpt-4o-mini","temperature":0.7,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"`, `"}]}`, requestSize)
	chatAnswer  = pad(`{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini",`+usageMember+`,"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"`, `"}}]}`, answerSize)
)

var usageMember = fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, promptTokens, outputTokens, promptTokens+outputTokens)

// pad fills the middle with words until the whole is size bytes.
func pad(before, after string, size int) []byte {
	words := strings.Repeat("the quick brown fox jumps over the lazy dog ", size/40+1)
	return []byte(before + words[:size-len(before)-len(after)] + after)
}

// event is one SSE event as a model's API sends it, of constant size. It
// carries its number in the stream and the moment it was written.
var event = []byte(`data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}],"seq":"00000000","at":"0000000000000000"}` + "\n\n")

var (
	seqAt  = bytes.Index(event, []byte(`"seq":"`)) + len(`"seq":"`)
	timeAt = bytes.Index(event, []byte(`"at":"`)) + len(`"at":"`)
)

// streamTail is how a stream ends: the usage, which the client asked for, and
// the mark without which it would count as broken off.
var streamTail = []byte(`data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini","choices":[],` + usageMember + "}\n\ndata: [DONE]\n\n")

const (
	seqDigits  = 8
	timeDigits = 16
)

// stampEvent writes number and time into e, a copy of event.
func stampEvent(e []byte, seq int, at int64) {
	putDigits(e[seqAt:seqAt+seqDigits], int64(seq))
	putDigits(e[timeAt:timeAt+timeDigits], at)
}

// readEvent checks that e is the event with that number and returns when it
// was written.
func readEvent(e []byte, seq int) (int64, error) {
	if !bytes.Equal(e[:seqAt], event[:seqAt]) || e[len(e)-1] != '\n' {
		return 0, fmt.Errorf("event %d was altered: %q", seq, e)
	}
	got, err := digits(e[seqAt : seqAt+seqDigits])
	if err != nil || got != int64(seq) {
		return 0, fmt.Errorf("got event %d instead of %d", got, seq)
	}
	return digits(e[timeAt : timeAt+timeDigits])
}

func putDigits(p []byte, v int64) {
	for i := len(p) - 1; i >= 0; i-- {
		p[i] = byte('0' + v%10)
		v /= 10
	}
}

func digits(p []byte) (v int64, err error) {
	for _, c := range p {
		if c < '0' || c > '9' {
			return 0, errors.New("not a number")
		}
		v = v*10 + int64(c-'0')
	}
	return v, nil
}

// pattern is what uploads and downloads are made of: the byte at position n
// of a body is pattern[n % len(pattern)]. The length is a prime, so that a
// block that is lost or repeated shows.
var pattern = makePattern(262139)

func makePattern(n int) []byte {
	p := make([]byte, n)
	x := uint32(1)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return p
}

// patternFrom is the piece of the pattern at position pos of a body, at most
// left bytes.
func patternFrom(pos, left int64) []byte {
	p := pattern[pos%int64(len(pattern)):]
	return p[:min(left, int64(len(p)))]
}

// checkPattern reports whether p is what belongs at position pos: it compares
// the ends, since comparing everything would cost as much as proxying it.
func checkPattern(p []byte, pos int64) error {
	n := int64(len(pattern))
	if p[0] != pattern[pos%n] || p[len(p)-1] != pattern[(pos+int64(len(p))-1)%n] {
		return fmt.Errorf("body altered near byte %d", pos)
	}
	return nil
}
