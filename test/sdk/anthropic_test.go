package sdk

import (
	"context"
	"errors"
	"iter"
	"testing"

	"ai-gw-lite/internal/simulate"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

var anthropicSDK = sdk{
	name: "anthropic",
	plain: func(ctx context.Context, w way, h headers) (reply, error) {
		client := anthropicClient(w, h)
		message, err := client.Messages.New(ctx, anthropicQuestion())
		if err != nil {
			return reply{}, err
		}
		return reply{message.Content[0].Text, anthropicUsage(message.Usage)}, nil
	},
	stream: func(ctx context.Context, w way, h headers) iter.Seq2[reply, error] {
		return func(yield func(reply, error) bool) {
			client := anthropicClient(w, h)
			stream := client.Messages.NewStreaming(ctx, anthropicQuestion())
			defer stream.Close()
			var message anthropic.Message // the client's own reading of the figures
			for stream.Next() {
				if err := message.Accumulate(stream.Current()); err != nil {
					yield(reply{}, err)
					return
				}
				event := reply{text: stream.Current().Delta.Text}
				if stream.Current().Type == "message_delta" {
					event.usage = anthropicUsage(message.Usage)
				}
				if !yield(event, nil) {
					return
				}
			}
			if err := stream.Err(); err != nil {
				yield(reply{}, err)
			}
		}
	},
	raised: func(err error) (int, string) {
		e, ok := errors.AsType[*anthropic.Error](err)
		if !ok {
			return 0, ""
		}
		return e.StatusCode, string(e.Type())
	},
	silent: 1, // ping
}

func anthropicClient(w way, h headers, more ...option.RequestOption) anthropic.Client {
	options := []option.RequestOption{
		option.WithoutEnvironmentDefaults(),
		option.WithBaseURL(w.anthropic), option.WithAPIKey(w.anthropicToken),
		option.WithHTTPClient(w.client), option.WithMaxRetries(0),
	}
	for name, value := range h {
		options = append(options, option.WithHeader(name, value))
	}
	return anthropic.NewClient(append(options, more...)...)
}

func anthropicQuestion() anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model:     "claude-opus-5",
		MaxTokens: 1000,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(prompt))},
	}
}

// anthropicUsage puts together the prompt, whose figure leaves out the cache.
func anthropicUsage(u anthropic.Usage) usage {
	return usage{
		prompt:    int(u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens),
		cacheRead: int(u.CacheReadInputTokens),
		output:    int(u.OutputTokens),
	}
}

func TestAnthropicClientCountsTokens(t *testing.T) {
	_, w := connect(t, simulate.Options{})
	client := anthropicClient(w, nil)
	count, err := client.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{
		Model:    "claude-opus-5",
		Messages: anthropicQuestion().Messages,
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := simulate.Count(prompt, "").Prompt; int(count.InputTokens) != want {
		t.Errorf("%d tokens, want %d", count.InputTokens, want)
	}
}
