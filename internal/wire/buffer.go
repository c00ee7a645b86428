package wire

import "sync"

const (
	readSize = 16 << 10 // what most heads and every event fit in
	bulkSize = 64 << 10 // for a body that fills the small one
)

// buffer is pooled memory for one connection's reads. A connection gives it
// back whenever it holds nothing unread: an idle stream costs no buffer.
type buffer struct{ b []byte }

var (
	readBuffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, readSize)} }}
	bulkBuffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, bulkSize)} }}
)

func takeBuffer(bulk bool) *buffer {
	if bulk {
		return bulkBuffers.Get().(*buffer)
	}
	return readBuffers.Get().(*buffer)
}

func (b *buffer) free() {
	switch len(b.b) {
	case readSize:
		readBuffers.Put(b)
	case bulkSize:
		bulkBuffers.Put(b)
	}
}

// Output is pooled memory in which a message is put together before it is
// written in one go.
type Output struct{ B []byte }

var outputs = sync.Pool{New: func() any { return &Output{B: make([]byte, 0, 4<<10)} }}

// TakeOutput returns an empty Output. The caller owns it until Free.
func TakeOutput() *Output { return outputs.Get().(*Output) }

// Free gives the memory back; B must not be used any more.
func (o *Output) Free() {
	if cap(o.B) > 2*bulkSize {
		return // one huge head must not stay for ever
	}
	o.B = o.B[:0]
	outputs.Put(o)
}
