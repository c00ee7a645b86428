package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// sdkRequest is a head as OpenAI's Python SDK sends it.
const sdkRequest = "POST /openai/v1/chat/completions HTTP/1.1\r\n" +
	"Host: gateway.internal:8080\r\n" +
	"Accept-Encoding: gzip, deflate\r\n" +
	"Connection: keep-alive\r\n" +
	"Accept: application/json\r\n" +
	"Content-Type: application/json\r\n" +
	"User-Agent: OpenAI/Python 1.54.3\r\n" +
	"X-Stainless-Lang: python\r\n" +
	"X-Stainless-Package-Version: 1.54.3\r\n" +
	"X-Stainless-OS: Linux\r\n" +
	"X-Stainless-Arch: x64\r\n" +
	"X-Stainless-Runtime: CPython\r\n" +
	"X-Stainless-Runtime-Version: 3.12.4\r\n" +
	"Authorization: Bearer gw_0123456789abcdef0123456789abcdef\r\n" +
	"X-Stainless-Async: false\r\n" +
	"x-stainless-retry-count: 0\r\n" +
	"Content-Length: 1234\r\n" +
	"\r\n"

// apiResponse is a head as OpenAI's API sends it.
const apiResponse = "HTTP/1.1 200 OK\r\n" +
	"Date: Mon, 02 Jun 2025 10:20:30 GMT\r\n" +
	"Content-Type: text/event-stream; charset=utf-8\r\n" +
	"Transfer-Encoding: chunked\r\n" +
	"Connection: keep-alive\r\n" +
	"access-control-expose-headers: X-Request-ID\r\n" +
	"openai-organization: user-0123456789abcdef\r\n" +
	"openai-processing-ms: 312\r\n" +
	"openai-project: proj_0123456789abcdef\r\n" +
	"openai-version: 2020-10-01\r\n" +
	"x-envoy-upstream-service-time: 330\r\n" +
	"x-ratelimit-limit-requests: 10000\r\n" +
	"x-ratelimit-limit-tokens: 2000000\r\n" +
	"x-ratelimit-remaining-requests: 9999\r\n" +
	"x-ratelimit-remaining-tokens: 1999980\r\n" +
	"x-ratelimit-reset-requests: 6ms\r\n" +
	"x-ratelimit-reset-tokens: 0s\r\n" +
	"x-request-id: req_0123456789abcdef0123456789abcdef\r\n" +
	"cf-cache-status: DYNAMIC\r\n" +
	"Set-Cookie: __cf_bm=0123456789abcdef0123456789abcdef.0123456789abcdef-1748859630-1.0.1.1-aaaaaaaa; path=/; HttpOnly; Secure; SameSite=None\r\n" +
	"Strict-Transport-Security: max-age=31536000; includeSubDomains; preload\r\n" +
	"X-Content-Type-Options: nosniff\r\n" +
	"Set-Cookie: _cfuvid=0123456789abcdef0123456789abcdef-1748859630123-0.0.1.1-604800000; path=/; HttpOnly; Secure; SameSite=None\r\n" +
	"Server: cloudflare\r\n" +
	"CF-RAY: 0123456789abcdef-FRA\r\n" +
	"alt-svc: h3=\":443\"; ma=86400\r\n" +
	"\r\n"

// sseChunk is one event of a streamed chat completion, in a chunk of its own.
var sseChunk = func() string {
	event := `data: {"id":"chatcmpl-0123456789","object":"chat.completion.chunk","created":1748859630,"model":"gpt-4o-mini",` +
		`"system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}]}` + "\n\n"
	return fmt.Sprintf("%x\r\n%s\r\n", len(event), event)
}()

// hotPath is the work that is done for each request, answer or event.
var hotPath = []struct {
	name string
	size int
	work func() func()
}{
	{"FindHead", len(sdkRequest), func() func() {
		b := []byte(sdkRequest)
		return func() {
			var s headScan
			if n, err := s.find(b); n != len(b) || err != nil {
				panic(err)
			}
		}
	}},
	{"ParseRequest", len(sdkRequest), func() func() {
		b := []byte(sdkRequest)
		var h RequestHead
		return func() {
			if err := ParseRequest(b, &h); err != nil {
				panic(err)
			}
		}
	}},
	{"ParseResponse", len(apiResponse), func() func() {
		b := []byte(apiResponse)
		var h ResponseHead
		return func() {
			if err := ParseResponse(b, &h, false); err != nil {
				panic(err)
			}
		}
	}},
	{"CleanEvent", len(sseChunk), func() func() {
		b := []byte(sseChunk)
		var c chunked
		var data [][]byte
		return func() {
			var err error
			if _, data, _, err = c.clean(b, data[:0]); err != nil {
				panic(err)
			}
		}
	}},
	{"CleanEventWithExtension", len(sseChunk) + 10, func() func() {
		stream := []byte(strings.Replace(sseChunk, "\r\n", ";ext=12345\r\n", 1))
		b := bytes.Clone(stream)
		var c chunked
		var data [][]byte
		return func() {
			copy(b, stream)
			var err error
			if _, data, _, err = c.clean(b, data[:0]); err != nil {
				panic(err)
			}
		}
	}},
	{"AppendFields", len(apiResponse), func() func() {
		var h ResponseHead
		if err := ParseResponse([]byte(apiResponse), &h, false); err != nil {
			panic(err)
		}
		var b []byte
		return func() { b = AppendFields(b[:0], h.Fields) }
	}},
	{"AppendPiece", len(sseChunk), func() func() {
		p := Piece{Data: [][]byte{[]byte(sseChunk)}}
		var b []byte
		return func() { b = AppendPiece(b[:0], &p, ByChunks) }
	}},
	{"ReadBody", len(sseChunk), func() func() {
		c := NewConn(&endless{b: []byte(sseChunk)})
		c.ExpectBody(ByChunks, 0)
		return func() {
			if p, err := c.Next(); err != nil || p.Size() == 0 {
				panic(err)
			}
			c.Release()
		}
	}},
}

// endless is a socket that brings the same bytes again and again.
type endless struct {
	scripted
	b []byte
}

func (e *endless) Read(p []byte) (int, error) { return copy(p, e.b), nil }

func BenchmarkHotPath(b *testing.B) {
	for _, h := range hotPath {
		b.Run(h.name, func(b *testing.B) {
			work := h.work()
			b.ReportAllocs()
			b.SetBytes(int64(h.size))
			for b.Loop() {
				work()
			}
		})
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, and drops from pools")
	}
	for _, h := range hotPath {
		work := h.work()
		if n := testing.AllocsPerRun(100, work); n != 0 {
			t.Errorf("%s: %v allocations", h.name, n)
		}
	}
}
