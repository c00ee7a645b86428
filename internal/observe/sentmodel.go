package observe

import (
	"sync"

	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

// sentModel finds the model that a request asks for, in its path or its body.
// One goroutine at a time uses it.
type sentModel struct {
	path   string             // without the query
	reader *usage.ModelReader // borrowed for as long as the body may yet say it; else nil
	seen   int                // bytes
	askAt  int                // how many bytes there are to be before it is asked again
	name   string             // empty: not known, or not yet
}

// modelReaders is what requests are read with: mostly one at a time, since a
// body comes with its head and begins with the model.
var modelReaders = sync.Pool{New: func() any { return new(usage.ModelReader) }}

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
	m.reader = modelReaders.Get().(*usage.ModelReader)
	m.reader.Reset(q)
	m.seen, m.askAt = 0, 0
	if m.name = m.reader.Model(); m.name != "" || h.Framing == wire.NoBody {
		m.giveBack()
	}
}

// read looks at a piece of the body and reports that the model is known now.
// Where to ask has its costs, it asks after 1, 2, 4, … times as many bytes.
func (m *sentModel) read(p []byte) (found bool) {
	if m.reader == nil {
		return false
	}
	m.reader.Write(p)
	if m.seen += len(p); m.seen < m.askAt && m.reader.Costs() {
		return false
	}
	m.askAt = 2 * m.seen
	return m.model() != ""
}

func (m *sentModel) model() string {
	if m.reader != nil {
		if m.name = m.reader.Model(); m.name != "" {
			m.giveBack()
		}
	}
	return m.name
}

func (m *sentModel) end() {
	m.name = ""
	m.giveBack()
}

func (m *sentModel) giveBack() {
	if m.reader != nil {
		modelReaders.Put(m.reader)
		m.reader = nil
	}
}
