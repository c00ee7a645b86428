package usage

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
)

// What clients say of a body, JSON or not, that nobody has told them the type of:
// curl -d, and fetch with a string (WHATWG Fetch, 5.3). Ollama's own examples
// leave it at that.
const (
	curlsDefault  = "application/x-www-form-urlencoded"
	fetchsDefault = "text/plain"
)

const modelWithin = 64 << 10 // bytes of a request body that are looked at

// ModelTooLong stands for a model's name of more than 256 bytes. A piece of the
// name would be no better, and might be a piece of a secret.
const ModelTooLong = "(too long)"

// Request is what a ModelReader needs to know of a request's head.
type Request struct {
	ContentType     string
	ContentEncoding string
	Path            string // without the query; any prefix may stand before it
}

// A ModelReader finds the model that a request asks for: in the path (Gemini,
// Bedrock), or among the first 64 KiB of its body, as those pass. Bodies that
// are compressed, or said to be what is neither JSON nor a form, are not looked
// into: what the answer says then stands (Result.Model).
//
// JSON is not held. Of a form (multipart/form-data, as OpenAI's transcriptions
// and image edits are sent) as much is as was looked at.
type ModelReader struct {
	walker walker
	form   []byte
	bound  string // of the form's parts
	model  string
	last   string // of the request before this one, which often is the same
	left   int    // bytes to look at yet
}

// NewModelReader returns a ModelReader for a request.
func NewModelReader(r Request) *ModelReader {
	m := new(ModelReader)
	m.Reset(r)
	return m
}

// Reset prepares for another request.
func (m *ModelReader) Reset(r Request) {
	m.walker.restart(requestTop)
	m.form, m.bound, m.left = m.form[:0], "", 0
	if m.model != "" {
		m.last = m.model
	}
	if m.model = pathModel(r.Path); m.model != "" || coding(r.ContentEncoding) != "" {
		return
	}
	switch media := mediaType(r.ContentType); {
	case media == "multipart/form-data":
		if _, params, err := mime.ParseMediaType(r.ContentType); err == nil && params["boundary"] != "" {
			m.bound, m.left = params["boundary"], modelWithin
		}
	case isJSON(media), media == "", media == curlsDefault, media == fetchsDefault:
		m.left = modelWithin
	}
}

// Write reads a piece of the body. It neither changes nor keeps p, and does
// not block; once the model is known, or out of reach, it does nothing.
func (m *ModelReader) Write(p []byte) {
	p = p[:min(m.left, len(p))]
	if len(p) == 0 {
		return
	}
	m.left -= len(p)
	if m.bound != "" {
		m.form = append(m.form, p...)
		return
	}
	m.walker.walk(p)
	switch e := &m.walker.event; {
	case e.modelOver:
		m.model, m.left = ModelTooLong, 0
	case e.modelSize > 0:
		m.model, m.left = e.modelName(m.last), 0
	}
}

// Model is the model as far as it is known: "" if it is not, or not yet. The
// goroutine that writes may call it at any time.
func (m *ModelReader) Model() string {
	if m.model == "" && len(m.form) > 0 {
		m.model = formModel(m.form, m.bound)
		if m.model != "" || m.left == 0 {
			m.form, m.left = m.form[:0], 0
		}
	}
	return m.model
}

// Costs reports that to ask for the model is to read all that has come once
// more: so it is with a form.
func (m *ModelReader) Costs() bool { return m.bound != "" }

// formModel is the form's field of that name. The form may be cut short, but
// not within the field.
func formModel(form []byte, boundary string) string {
	parts := multipart.NewReader(bytes.NewReader(form), boundary)
	for {
		part, err := parts.NextPart()
		if err != nil {
			return ""
		}
		if part.FormName() != "model" {
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, tokenMax+1))
		switch {
		case len(value) > tokenMax:
			return ModelTooLong
		case err != nil:
			return ""
		}
		return string(value)
	}
}

// pathModel is the model that a path names: Gemini's and Vertex AI's
// …/models/MODEL:method, Bedrock's /model/MODEL/converse and the like.
func pathModel(path string) string {
	head, last := cutLast(path)
	if model, method, ok := strings.Cut(last, ":"); ok && method != "" {
		if _, parent := cutLast(head); parent == "models" || parent == "tunedModels" {
			return pathText(model)
		}
	}
	switch last {
	case "converse", "converse-stream", "invoke", "invoke-with-response-stream":
		above, model := cutLast(head)
		if _, parent := cutLast(above); parent == "model" {
			return pathText(model)
		}
	}
	return ""
}

func cutLast(path string) (head, last string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

func pathText(s string) string {
	text, err := url.PathUnescape(s)
	switch {
	case err != nil:
		return ""
	case len(text) > tokenMax:
		return ModelTooLong
	}
	return text
}
