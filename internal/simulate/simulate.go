package simulate

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// Options say how a simulated provider behaves. The zero value accepts any key
// and answers at once.
type Options struct {
	// Keys are the provider keys it accepts, each where its API carries a key.
	// Any other gets a 401. Empty: every request is accepted, with a key or not.
	Keys []string

	// Manner is how it answers, unless a request says otherwise.
	Manner Manner

	// Gate, when not nil, holds back every event until a value can be received:
	// a test that sends one only after the client has read the previous event
	// proves that nothing in between collects them. A fault that takes an event's
	// place waits for its value too. A closed channel holds back nothing.
	Gate <-chan struct{}

	// OnRequest, when not nil, is called once for each request when all of it has
	// been read and none of its answer sent, with the request's path. It may block,
	// and then the answer waits; it may be called from several goroutines.
	OnRequest func(path string)

	// OnCanceled, when not nil, is called once for each request whose client went
	// away before its answer was complete, with the request's path. It must not
	// block; it may be called from several goroutines.
	OnCanceled func(path string)
}

// New returns a simulated provider to put behind a server of one's own. Faults
// that need the connection want HTTP/1.1.
func New(o Options) http.Handler { return newProvider(o) }

// provider answers requests and counts them.
type provider struct {
	Options
	mux      http.ServeMux
	serial   atomic.Int64 // of the last answer, for its id
	requests atomic.Int64
	canceled atomic.Int64
	memory   memory
}

func newProvider(o Options) *provider {
	p := &provider{Options: o}
	p.mux.HandleFunc("POST /v1/chat/completions", p.endpoint(openAI{}, chatCompletions))
	p.mux.HandleFunc("POST /v1/responses", p.endpoint(openAI{}, responses))
	p.mux.HandleFunc("POST /v1/embeddings", p.endpoint(openAI{}, embeddings))
	p.mux.HandleFunc("GET /v1/models", p.endpoint(openAI{}, models))
	p.mux.HandleFunc("POST /v1/messages", p.endpoint(anthropic{}, messages))
	p.mux.HandleFunc("POST /v1/messages/count_tokens", p.endpoint(anthropic{}, countTokens))
	p.mux.HandleFunc("POST /v1beta/models/{call}", p.endpoint(gemini{}, generateContent))
	p.mux.HandleFunc("POST /api/chat", p.endpoint(ollama{}, ollamaChat))
	p.mux.HandleFunc("/", p.elsewhere)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	p.mux.ServeHTTP(w, r)
}

// elsewhere refuses what no endpoint takes, as the provider would whose path it
// looks like.
func (p *provider) elsewhere(w http.ResponseWriter, r *http.Request) {
	var v vendor = openAI{}
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/v1/messages"):
		v = anthropic{}
	case strings.HasPrefix(path, "/v1beta/"):
		v = gemini{}
	case strings.HasPrefix(path, "/api/"):
		v = ollama{}
	}
	p.endpoint(v, notFound)(w, r)
}
