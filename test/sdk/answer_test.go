package sdk

import (
	"context"
	"testing"

	"ai-gw-lite/internal/simulate"
)

func TestPlainAnswersArriveWhole(t *testing.T) {
	_, w := connect(t, simulate.Options{})
	want := simulate.Answer(prompt, simulate.DefaultTokens)
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			got, err := s.plain(t.Context(), w, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.text != want || got.usage != usageOf(simulate.Count(prompt, want)) {
				t.Errorf("%+v, want %q", got, want)
			}
		})
	}
}

// The provider makes an event only after the client has handed over the one
// before: were an event held back on the way, all would wait for ever. A client
// that keeps an event to itself is given that one more to go on with.
func TestStreamsArriveEventByEvent(t *testing.T) {
	const tokens = 10
	want := simulate.Answer(prompt, tokens)
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			gate := make(chan struct{}, 100)
			_, w := connect(t, simulate.Options{Manner: simulate.Manner{Tokens: tokens}, Gate: gate})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()

			for range 1 + s.silent {
				gate <- struct{}{}
			}
			var got reply
			for event, err := range s.stream(ctx, w, nil) {
				if err != nil {
					t.Fatalf("after %q: %v", got.text, err)
				}
				got.text += event.text
				if event.usage != (usage{}) {
					got.usage = event.usage
				}
				gate <- struct{}{}
			}
			if got.text != want || got.usage != usageOf(simulate.Count(prompt, want)) {
				t.Errorf("%+v, want %q", got, want)
			}
		})
	}
}

// The clients ask for gzip by themselves, and must get what the provider made of
// that.
func TestCompressedAnswersAreRead(t *testing.T) {
	_, w := connect(t, simulate.Options{Manner: simulate.Manner{Encoding: "gzip"}})
	want := simulate.Answer(prompt, simulate.DefaultTokens)
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			plain, err := s.plain(t.Context(), w, nil)
			if err != nil || plain.text != want {
				t.Errorf("plain %q, %v", plain.text, err)
			}
			var text string
			for event, err := range s.stream(t.Context(), w, nil) {
				if err != nil {
					t.Fatalf("after %q: %v", text, err)
				}
				text += event.text
			}
			if text != want {
				t.Errorf("stream %q", text)
			}
		})
	}
}
