package sdk

import (
	"context"
	"iter"

	"ai-gw-lite/internal/simulate"
)

const prompt = "Why is the sky blue — and not green?"

// headers are sent beside what a client sends of its own accord; here they tell
// the simulated provider how to behave.
type headers map[string]string

// reply is what a client made of an answer, or of one event of it.
type reply struct {
	text  string
	usage usage // zero in events that have none
}

// usage is what all three APIs tell, in the same terms.
type usage struct{ prompt, cacheRead, output int }

func usageOf(u simulate.Usage) usage { return usage{u.Prompt, u.CacheRead, u.Output()} }

// sdk is an official client, asked for the answer to prompt without retries of
// its own.
type sdk struct {
	name   string
	plain  func(context.Context, way, headers) (reply, error)
	stream func(context.Context, way, headers) iter.Seq2[reply, error]

	// raised tells the status and the kind in an error of the client's own type; a
	// status of 0: the error is of another type.
	raised func(error) (status int, kind string)

	silent int // how many events of a stream the client keeps to itself
}

var sdks = []sdk{openAISDK, anthropicSDK, geminiSDK}
