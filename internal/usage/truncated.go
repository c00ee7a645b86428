package usage

import "strings"

// truncated: the format's end was not seen.
func (s *Scanner) truncated() bool {
	a := &s.answer
	switch {
	case a.ended || s.format == unread || s.format == untold:
		return false
	case a.walker.open() || s.format == amazonEvents && s.stream.within():
		return true
	case s.format == plainJSON:
		// One object is whole when it is closed. Streams in this dress: Gemini's array.
		return a.streaming && (a.walker.list || a.documents > 1)
	case a.events == 0:
		// DeepSeek sends nothing but comments while a request is queued, and
		// may close before it is that request's turn.
		return streams(s.path) && !s.guessed
	}
	return a.streaming
}

// streams: answers at the path are of a format that prescribes its end.
func streams(path string) bool {
	for _, suffix := range []string{
		"/completions", "/responses", "/messages", ":streamGenerateContent",
		"/v1/chat", "/v2/chat", // Cohere
		"/api/chat", "/api/generate", // Ollama
	} {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}
