package usage

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

const (
	openAIDelta    = `data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","created":1766000000,"model":"gpt-5.2-2025-12-11","service_tier":"default","system_fingerprint":"fp_3f58d112f7","choices":[{"index":0,"delta":{"content":" example"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"k3J9dWq"}` + "\n\n"
	anthropicDelta = "event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" example"}}` + "\n\n"
	geminiChunk    = `data: {"candidates":[{"content":{"parts":[{"text":" example"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":34,"totalTokenCount":46,"promptTokensDetails":[{"modality":"TEXT","tokenCount":12}]},"modelVersion":"gemini-2.5-pro","responseId":"r1"}` + "\r\n\r\n"
)

func BenchmarkEvent(b *testing.B) {
	for _, c := range []struct{ name, event string }{
		{"openai", openAIDelta}, {"anthropic", anthropicDelta}, {"gemini-with-usage", geminiChunk}, {"keep-alive", ": keep-alive\n\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := NewScanner(sseHead)
			event := []byte(c.event)
			s.Write(event) // the model is known from here on
			s.Write(event)
			b.SetBytes(int64(len(event)))
			b.ReportAllocs()
			for b.Loop() {
				s.Write(event)
			}
			s.End(false)
		})
	}
}

// A request and its answer, as they come most often: each in one piece.
func BenchmarkExchange(b *testing.B) {
	words := strings.Repeat("the quick brown fox jumps over the lazy dog ", 20)
	sent := []byte(`{"model":"gpt-4o-mini","temperature":0.7,"messages":[{"role":"user","content":"` + words + `"}]}`)
	answer := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini","usage":{"prompt_tokens":120,"completion_tokens":180,"total_tokens":300},` +
		`"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"` + words + `"}}]}`)
	b.Run("request", func(b *testing.B) {
		head := Request{ContentType: "application/json", Path: "/openai/v1/chat/completions"}
		m := NewModelReader(head)
		b.ReportAllocs()
		for b.Loop() {
			m.Reset(head)
			if m.Write(sent); m.Model() == "" {
				b.Fatal("no model")
			}
		}
	})
	b.Run("answer", func(b *testing.B) {
		s := NewScanner(jsonHead)
		b.ReportAllocs()
		for b.Loop() {
			s.Reset(jsonHead)
			if s.Write(answer); s.End(true).Usage.Output != Known(180) {
				b.Fatal("no usage")
			}
		}
	})
}

func BenchmarkCompressedEvent(b *testing.B) {
	for _, c := range codings {
		b.Run(c.name, func(b *testing.B) {
			head := sseHead
			head.ContentEncoding = c.header
			var pieces [][]byte
			c.stream(b, func(write func(string), flush func() []byte) {
				for range 200 {
					write(openAIDelta)
					pieces = append(pieces, flush())
				}
			})
			s := NewScanner(head)
			b.ReportAllocs()
			for b.Loop() { // a stream of 200 events
				s.End(false)
				s.Reset(head)
				for _, p := range pieces {
					s.Write(p)
				}
			}
			s.End(false)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/event")
		})
	}
}

// One event of 1 and of 10 MiB: time is linear if ns per byte are the same.
func BenchmarkLargeEvent(b *testing.B) {
	for _, mib := range []int{1, 10} {
		for name, fill := range map[string]string{"text": "iVBORw0KGgoAAAANSUhEUgAA", "escapes": `\\\"\n\\`} {
			b.Run(fmt.Sprintf("%s/%dMiB", name, mib), func(b *testing.B) {
				event := []byte(`data: {"type":"response.completed","response":{"output":[{"result":"`)
				event = append(event, bytes.Repeat([]byte(fill), mib<<20/len(fill))...)
				event = append(event, `"}],"usage":{"input_tokens":5,"output_tokens":6}}}`+"\n\n"...)
				s := NewScanner(sseHead)
				b.SetBytes(int64(len(event)))
				b.ReportAllocs()
				for b.Loop() {
					s.Write(event)
				}
				if s.End(true).Usage.Output != Known(6) {
					b.Fatal("usage not found")
				}
			})
		}
	}
}

func BenchmarkEmbeddings(b *testing.B) {
	body := []byte(`{"object":"list","data":[{"embedding":[` + string(bytes.Repeat([]byte("-0.006929283495992422,"), 1536)) + `0]}],"usage":{"prompt_tokens":8}}`)
	s := NewScanner(jsonHead)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		s.Write(body)
	}
	s.End(true)
}

func TestContentWithoutUsageAllocatesNothing(t *testing.T) {
	for _, event := range []string{openAIDelta, anthropicDelta, geminiChunk, ": keep-alive\n\n"} {
		s := NewScanner(sseHead)
		piece := []byte(event)
		s.Write(piece) // the model, and room for a usage object
		s.Write(piece)
		if n := testing.AllocsPerRun(100, func() { s.Write(piece) }); n > 0 {
			t.Errorf("%v allocations for %s", n, event)
		}
		half := len(piece) / 2
		if n := testing.AllocsPerRun(100, func() { s.Write(piece[:half]); s.Write(piece[half:]) }); n > 0 {
			t.Errorf("%v allocations for two halves of %s", n, event)
		}
		s.End(false)
	}
}
