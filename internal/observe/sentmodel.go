package observe

import (
	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

// sentModel finds the model that a request asks for, in its path or its body.
// One goroutine at a time uses it.
type sentModel struct {
	path    string // without the query
	reader  usage.ModelReader
	seeking bool   // the body may yet say it
	seen    int    // bytes
	askAt   int    // how many bytes there are to be before it is asked again
	name    string // empty: not known, or not yet
}

func (m *sentModel) begin(h *wire.RequestHead) {
	if m.path != string(h.Path) { // it often is the path of the request before
		m.path = string(h.Path)
	}
	q := usage.Request{Path: m.path}
	for i := range h.Fields {
		switch f := &h.Fields[i]; f.Known {
		case wire.ContentType:
			q.ContentType = mediaName(f.Value)
		case wire.ContentEncoding:
			q.ContentEncoding = string(f.Value)
		}
	}
	m.reader.Reset(q)
	m.seen, m.askAt = 0, 0
	m.name = m.reader.Model()
	m.seeking = m.name == "" && h.Framing != wire.NoBody
}

// read looks at a piece of the body and reports that the model is known now.
// It asks after 1, 2, 4, … times as many bytes: of a form, each answer costs
// all that has come.
func (m *sentModel) read(p []byte) (found bool) {
	if !m.seeking {
		return false
	}
	m.reader.Write(p)
	if m.seen += len(p); m.seen < m.askAt {
		return false
	}
	m.askAt = 2 * m.seen
	return m.model() != ""
}

func (m *sentModel) model() string {
	if m.seeking {
		m.name = m.reader.Model()
		m.seeking = m.name == ""
	}
	return m.name
}

func (m *sentModel) end() {
	m.name, m.seeking = "", false
}
