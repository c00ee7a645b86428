package observe

import "sync"

// pen is what a line is put together with.
type pen struct {
	line  []byte
	stamp stamp
}

var pens = sync.Pool{New: func() any { return &pen{line: make([]byte, 0, 1024)} }}

// writeAccess writes the exchange's line wherever it is to go. It does not
// block.
func (o *Observatory) writeAccess(r *record, s *settings) {
	p := pens.Get().(*pen)
	if s.json {
		p.line = appendJSONLine(p.line[:0], r, &p.stamp)
	} else {
		p.line = appendTextLine(p.line[:0], r, &p.stamp)
	}
	if s.toStdout {
		o.stdout.Write(p.line)
	}
	if s.toFile {
		o.filed.Write(p.line)
	}
	pens.Put(p)
}
