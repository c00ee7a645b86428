package observe

import "sync"

// lineMemory is what a line is put together in.
var lineMemory = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// writeAccess writes the exchange's line wherever it is to go. It does not
// block.
func (o *Observatory) writeAccess(r *record, s *settings) {
	memory := lineMemory.Get().(*[]byte)
	line := *memory
	if s.json {
		line = appendJSONLine(line[:0], r)
	} else {
		line = appendTextLine(line[:0], r)
	}
	if s.toStdout {
		o.stdout.Write(line)
	}
	if s.toFile {
		o.filed.Write(line)
	}
	*memory = line
	lineMemory.Put(memory)
}
