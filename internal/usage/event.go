package usage

import (
	"bytes"
	"encoding/json"
)

// An event is what one object of an answer says: the whole of a plain JSON
// answer, or one event of a stream.
type event struct {
	figures figures
	kind    kind

	choices    bool // OpenAI's chat and completions
	candidates bool // Gemini
	finished   bool // a finish reason
	failed     bool // an error
	hasDone    bool // Ollama
	live       bool // Gemini Live's serverContent
	turnDone   bool // and its end

	raw      []byte // the usage object as sent
	rawWhole bool
	rawOver  bool
	rawNamed bool   // its name alone says that it is one
	bare     []byte // JSON object of bare figures, without its end

	model     [tokenMax]byte
	modelSize int  // 0: none
	modelOver bool // there is one, longer than fits
}

// reset begins a new one, in the same buffers.
func (e *event) reset() {
	e.figures.seen = 0
	e.kind = 0
	e.choices, e.candidates, e.finished, e.failed = false, false, false, false
	e.hasDone, e.live, e.turnDone = false, false, false
	e.raw, e.rawWhole, e.rawOver, e.rawNamed = e.raw[:0], false, false, false
	e.bare = e.bare[:0]
	e.modelSize, e.modelOver = 0, false
}

// text takes a string; over: b is only its beginning.
func (e *event) text(at place, b []byte, over bool) {
	switch at {
	case typeText:
		e.kind = kindOf(b)
	case modelText:
		if e.modelOver = over; !over && len(b) > 0 {
			e.modelSize = copy(e.model[:], b)
		}
	case finishText:
		if len(b) > 0 {
			e.finished = true
		}
		if bytes.HasPrefix(b, []byte("ERROR")) || string(b) == "error" { // Cohere; OpenRouter
			e.failed = true
		}
	case errorMark:
		e.failed = e.failed || len(b) > 0
	}
}

// scalar takes a number, true, false or null.
func (e *event) scalar(at place, b []byte) {
	switch at {
	case doneMark:
		e.hasDone = true
		e.finished = e.finished || string(b) == "true"
	case turnMark:
		e.turnDone = string(b) == "true"
	}
	if at < figure {
		return
	}
	n, ok := number(b) // not so for null
	if !ok {
		return
	}
	if f, counts := at.fieldOf(); counts {
		e.figures.set(f, n)
	}
	if at >= bare && len(e.bare) < 1<<10 {
		sep := byte(',')
		if len(e.bare) == 0 {
			sep = '{'
		}
		e.bare = append(e.bare, sep, '"')
		e.bare = append(e.bare, bareNames[at-bare]...)
		e.bare = append(e.bare, '"', ':')
		e.bare = append(e.bare, b...)
	}
}

// object notes that one begins.
func (e *event) object(at place) {
	switch at {
	case errorMark:
		e.failed = true
	case serverContent:
		e.live = true
	case usageMetadata, promptFeedback:
		e.candidates = true
	}
}

// array notes that one begins.
func (e *event) array(at place) {
	switch at {
	case choices:
		e.choices = true
	case candidateList:
		e.candidates = true
	}
}

func (e *event) keepNew(at place) {
	e.raw, e.rawWhole, e.rawOver = e.raw[:0], false, false
	e.rawNamed = at != meta
}

func (e *event) keep(b []byte) {
	if e.rawOver = e.rawOver || len(e.raw)+len(b) > rawMax; !e.rawOver {
		e.raw = append(e.raw, b...)
	}
}

func (e *event) keepDone() { e.rawWhole = true }

// usageObject is the usage object as sent, or nil. over: there is one, too
// large to keep.
func (e *event) usageObject() (raw []byte, over bool) {
	if e.rawWhole && (e.rawNamed || e.figures.seen != 0) {
		return e.raw, e.rawOver
	}
	if e.figures.seen != 0 && len(e.bare) > 0 {
		return append(e.bare, '}'), false
	}
	return nil, false
}

// modelName is "" if the event names none. It is last, without new memory, if
// that is what the event says too.
func (e *event) modelName(last string) string {
	b := e.model[:e.modelSize]
	if string(b) == last && bytes.IndexByte(b, '\\') < 0 {
		return last
	}
	return unquoted(b)
}

// unquoted is the text between a JSON string's quotes, escapes undone.
func unquoted(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	var s string
	if json.Unmarshal([]byte(`"`+string(b)+`"`), &s) != nil {
		return ""
	}
	return s
}
