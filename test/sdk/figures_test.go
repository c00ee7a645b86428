package sdk

import (
	"context"
	"errors"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	"google.golang.org/genai"
)

// figures are tokens by their names in the access log; what has no name is
// unknown. They are worked out here from what clients say, and by the gateway
// from the bytes.
type figures map[string]int64

// told is what a client says that an answer cost: in figures, and the object
// itself as it came; "" if the client does not keep it.
type told struct {
	figures
	raw string
}

// endpoint is one that tells usage, asked through its client.
type endpoint struct {
	name, route, operation string
	ask                    func(ctx context.Context, w way, h headers, model string) (told, error)
}

var endpoints = []endpoint{
	{"chat", "openai", "chat", func(ctx context.Context, w way, h headers, model string) (told, error) {
		question := openAIQuestion()
		question.Model = model
		client := openAIClient(w, h)
		answer, err := client.Chat.Completions.New(ctx, question)
		if err != nil {
			return told{}, err
		}
		return chatFigures(answer.Usage), nil
	}},
	{"chat-stream", "openai", "chat", func(ctx context.Context, w way, h headers, model string) (told, error) {
		question := openAIQuestion()
		question.Model = model
		question.StreamOptions.IncludeUsage = openai.Bool(true)
		client := openAIClient(w, h)
		stream := client.Chat.Completions.NewStreaming(ctx, question)
		defer stream.Close()
		var got told
		for stream.Next() {
			if event := stream.Current(); event.JSON.Usage.Valid() {
				got = chatFigures(event.Usage)
			}
		}
		return got, stream.Err()
	}},
	{"responses", "openai", "chat", func(ctx context.Context, w way, h headers, model string) (told, error) {
		client := openAIClient(w, h)
		answer, err := client.Responses.New(ctx, responsesQuestion(model))
		if err != nil {
			return told{}, err
		}
		return responsesFigures(answer.Usage), nil
	}},
	{"responses-stream", "openai", "chat", func(ctx context.Context, w way, h headers, model string) (told, error) {
		client := openAIClient(w, h)
		stream := client.Responses.NewStreaming(ctx, responsesQuestion(model))
		defer stream.Close()
		var got told
		for stream.Next() {
			if event := stream.Current(); event.Type == "response.completed" {
				got = responsesFigures(event.AsResponseCompleted().Response.Usage)
			}
		}
		return got, stream.Err()
	}},
	{"embeddings", "openai", "embeddings", func(ctx context.Context, w way, h headers, model string) (told, error) {
		client := openAIClient(w, h)
		answer, err := client.Embeddings.New(ctx, openai.EmbeddingNewParams{
			Model: model,
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one two", "three"}},
		})
		if err != nil {
			return told{}, err
		}
		u := answer.Usage
		return told{figures{"input_uncached": u.PromptTokens, "total": u.TotalTokens}, u.RawJSON()}, nil
	}},
	{"messages", "anthropic", "chat", func(ctx context.Context, w way, h headers, model string) (told, error) {
		question := anthropicQuestion()
		question.Model = model
		client := anthropicClient(w, h)
		message, err := client.Messages.New(ctx, question)
		if err != nil {
			return told{}, err
		}
		return told{messageFigures(message.Usage), message.Usage.RawJSON()}, nil
	}},
	{"messages-stream", "anthropic", "chat", func(ctx context.Context, w way, h headers, model string) (told, error) {
		question := anthropicQuestion()
		question.Model = model
		client := anthropicClient(w, h)
		stream := client.Messages.NewStreaming(ctx, question)
		defer stream.Close()
		var message anthropic.Message
		for stream.Next() {
			if err := message.Accumulate(stream.Current()); err != nil {
				return told{}, err
			}
		}
		return told{figures: messageFigures(message.Usage)}, stream.Err()
	}},
	{"generate", "gemini", "generate_content", func(ctx context.Context, w way, h headers, model string) (told, error) {
		client, err := geminiClient(ctx, w)
		if err != nil {
			return told{}, err
		}
		answer, err := client.Models.GenerateContent(ctx, model, genai.Text(prompt), geminiConfig(h))
		if err != nil {
			return told{}, err
		}
		return generateFigures(answer)
	}},
	{"generate-stream", "gemini", "generate_content", func(ctx context.Context, w way, h headers, model string) (told, error) {
		client, err := geminiClient(ctx, w)
		if err != nil {
			return told{}, err
		}
		var last *genai.GenerateContentResponse
		for event, err := range client.Models.GenerateContentStream(ctx, model, genai.Text(prompt), geminiConfig(h)) {
			if err != nil {
				return told{}, err
			}
			last = event
		}
		return generateFigures(last)
	}},
}

func chatFigures(u openai.CompletionUsage) told {
	in, out := u.PromptTokensDetails, u.CompletionTokensDetails
	return told{figures{
		"input_uncached": u.PromptTokens - in.CachedTokens - in.CacheWriteTokens,
		"cache_read":     in.CachedTokens,
		"cache_write":    in.CacheWriteTokens,
		"output":         u.CompletionTokens,
		"reasoning":      out.ReasoningTokens,
		"total":          u.TotalTokens,
	}, u.RawJSON()}
}

func responsesQuestion(model string) responses.ResponseNewParams {
	return responses.ResponseNewParams{
		Model: model,
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(prompt)},
	}
}

func responsesFigures(u responses.ResponseUsage) told {
	in := u.InputTokensDetails
	return told{figures{
		"input_uncached": u.InputTokens - in.CachedTokens - in.CacheWriteTokens,
		"cache_read":     in.CachedTokens,
		"cache_write":    in.CacheWriteTokens,
		"output":         u.OutputTokens,
		"reasoning":      u.OutputTokensDetails.ReasoningTokens,
		"total":          u.TotalTokens,
	}, u.RawJSON()}
}

// messageFigures has no total to take over, and thinking only where it is told.
func messageFigures(u anthropic.Usage) figures {
	f := figures{
		"input_uncached": u.InputTokens,
		"cache_read":     u.CacheReadInputTokens,
		"cache_write":    u.CacheCreationInputTokens,
		"output":         u.OutputTokens,
		"total":          u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens + u.OutputTokens,
	}
	if u.OutputTokensDetails.JSON.ThinkingTokens.Valid() {
		f["reasoning"] = u.OutputTokensDetails.ThinkingTokens
	}
	return f
}

// generateFigures has no writing to a cache: there is a call of its own for it.
func generateFigures(r *genai.GenerateContentResponse) (told, error) {
	if r == nil || r.UsageMetadata == nil {
		return told{}, errors.New("no usage")
	}
	u := r.UsageMetadata
	return told{figures: figures{
		"input_uncached": int64(u.PromptTokenCount + u.ToolUsePromptTokenCount - u.CachedContentTokenCount),
		"cache_read":     int64(u.CachedContentTokenCount),
		"output":         int64(u.CandidatesTokenCount + u.ThoughtsTokenCount),
		"reasoning":      int64(u.ThoughtsTokenCount),
		"total":          int64(u.TotalTokenCount),
	}}, nil
}
