package sdk

import (
	"context"
	"errors"
	"iter"
	"testing"

	"ai-gw-lite/internal/simulate"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

var openAISDK = sdk{
	name: "openai",
	plain: func(ctx context.Context, w way, h headers) (reply, error) {
		client := openAIClient(w, h)
		answer, err := client.Chat.Completions.New(ctx, openAIQuestion())
		if err != nil {
			return reply{}, err
		}
		return reply{answer.Choices[0].Message.Content, openAIUsage(answer.Usage)}, nil
	},
	stream: func(ctx context.Context, w way, h headers) iter.Seq2[reply, error] {
		return func(yield func(reply, error) bool) {
			question := openAIQuestion()
			question.StreamOptions.IncludeUsage = openai.Bool(true)
			client := openAIClient(w, h)
			stream := client.Chat.Completions.NewStreaming(ctx, question)
			defer stream.Close()
			for stream.Next() {
				event := reply{usage: openAIUsage(stream.Current().Usage)}
				for _, choice := range stream.Current().Choices {
					event.text += choice.Delta.Content
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
		e, ok := errors.AsType[*openai.Error](err)
		if !ok {
			return 0, ""
		}
		return e.StatusCode, e.Code
	},
}

func openAIClient(w way, h headers, more ...option.RequestOption) openai.Client {
	options := []option.RequestOption{
		option.WithBaseURL(w.openAI), option.WithAPIKey(w.openAIToken),
		option.WithHTTPClient(w.client), option.WithMaxRetries(0),
	}
	for name, value := range h {
		options = append(options, option.WithHeader(name, value))
	}
	return openai.NewClient(append(options, more...)...)
}

func openAIQuestion() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    "simulated",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(prompt)},
	}
}

func openAIUsage(u openai.CompletionUsage) usage {
	return usage{int(u.PromptTokens), int(u.PromptTokensDetails.CachedTokens), int(u.CompletionTokens)}
}

func TestOpenAIClientReadsResponses(t *testing.T) {
	_, w := connect(t, simulate.Options{})
	question := responses.ResponseNewParams{
		Model: "simulated",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(prompt)},
	}
	want := simulate.Answer(prompt, simulate.DefaultTokens)
	check := func(r responses.Response) {
		t.Helper()
		if r.OutputText() != want || r.Status != responses.ResponseStatusCompleted {
			t.Errorf("status %q, text %q", r.Status, r.OutputText())
		}
		if got := (usage{int(r.Usage.InputTokens), int(r.Usage.InputTokensDetails.CachedTokens), int(r.Usage.OutputTokens)}); got != usageOf(simulate.Count(prompt, want)) {
			t.Errorf("usage %+v", got)
		}
	}

	client := openAIClient(w, nil)
	plain, err := client.Responses.New(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	check(*plain)

	stream := client.Responses.NewStreaming(t.Context(), question)
	defer stream.Close()
	var text string
	var last responses.ResponseStreamEventUnion
	for stream.Next() {
		last = stream.Current()
		text += last.AsResponseOutputTextDelta().Delta
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if text != want || last.Type != "response.completed" {
		t.Errorf("text %q, last event %q", text, last.Type)
	}
	check(last.AsResponseCompleted().Response)
}

func TestOpenAIClientReadsEmbeddings(t *testing.T) {
	_, w := connect(t, simulate.Options{})
	client := openAIClient(w, nil)
	answer, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
		Model: openai.EmbeddingModelTextEmbedding3Small,
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one two", "three"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Data) != 2 || len(answer.Data[1].Embedding) != 1536 || answer.Usage.PromptTokens != 3 {
		t.Errorf("%d vectors, %d tokens", len(answer.Data), answer.Usage.PromptTokens)
	}
}

func TestOpenAIClientListsModels(t *testing.T) {
	_, w := connect(t, simulate.Options{})
	client := openAIClient(w, nil)
	page, err := client.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Data) == 0 || page.Data[0].ID == "" {
		t.Errorf("%+v", page.Data)
	}
}
