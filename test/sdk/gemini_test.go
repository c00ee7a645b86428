package sdk

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"google.golang.org/genai"
)

var geminiSDK = sdk{
	name: "gemini",
	plain: func(ctx context.Context, w way, h headers) (reply, error) {
		client, err := geminiClient(ctx, w)
		if err != nil {
			return reply{}, err
		}
		answer, err := client.Models.GenerateContent(ctx, "gemini-3-pro", genai.Text(prompt), geminiConfig(h))
		if err != nil {
			return reply{}, err
		}
		return reply{answer.Text(), geminiUsage(answer)}, nil
	},
	stream: func(ctx context.Context, w way, h headers) iter.Seq2[reply, error] {
		return func(yield func(reply, error) bool) {
			client, err := geminiClient(ctx, w)
			if err != nil {
				yield(reply{}, err)
				return
			}
			for event, err := range client.Models.GenerateContentStream(ctx, "gemini-3-pro", genai.Text(prompt), geminiConfig(h)) {
				if err != nil {
					yield(reply{}, err)
					return
				}
				if !yield(reply{event.Text(), geminiUsage(event)}, nil) {
					return
				}
			}
		}
	},
	raised: func(err error) (int, string) {
		e, ok := errors.AsType[genai.APIError](err)
		if !ok {
			return 0, ""
		}
		return e.Code, e.Status
	},
}

func geminiClient(ctx context.Context, w way) (*genai.Client, error) {
	return genai.NewClient(ctx, &genai.ClientConfig{
		Backend:     genai.BackendGeminiAPI,
		APIKey:      w.geminiToken,
		HTTPClient:  w.client,
		HTTPOptions: genai.HTTPOptions{BaseURL: w.gemini},
	})
}

func geminiConfig(h headers) *genai.GenerateContentConfig {
	extra := http.Header{}
	for name, value := range h {
		extra.Set(name, value)
	}
	return &genai.GenerateContentConfig{HTTPOptions: &genai.HTTPOptions{Headers: extra}}
}

// geminiUsage puts together the output, whose figure leaves out the thoughts.
func geminiUsage(r *genai.GenerateContentResponse) usage {
	u := r.UsageMetadata
	if u == nil {
		return usage{}
	}
	return usage{int(u.PromptTokenCount), int(u.CachedContentTokenCount), int(u.CandidatesTokenCount + u.ThoughtsTokenCount)}
}
