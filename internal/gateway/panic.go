package gateway

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Panic is the cause of an exchange that ended in a defect of the gateway. Its
// text names no value: that could be a client's.
type Panic struct {
	Value any
	Stack []byte
}

func newPanic(value any) *Panic { return &Panic{Value: value, Stack: debug.Stack()} }

// shelter runs f. A panic in it comes back as a *Panic.
func shelter(f func()) (defect error) {
	defer func() {
		if p := recover(); p != nil {
			defect = newPanic(p)
		}
	}()
	f()
	return nil
}

func (p *Panic) Error() string {
	if e, ok := p.Value.(runtime.Error); ok {
		return fmt.Sprintf("panic: %v\n%s", e, p.Stack)
	}
	return fmt.Sprintf("panic (%T)\n%s", p.Value, p.Stack)
}

// OnDefect has f told of each *Panic that ended nothing, since all was over but
// the telling of it. f must not block. To be called before Serve.
func (g *Gateway) OnDefect(f func(error)) { g.onDefect = f }

// shelter runs what was given to the gateway to call, when a panic in it must
// not end anything.
func (g *Gateway) shelter(f func()) {
	if defect := shelter(f); defect != nil && g.onDefect != nil {
		g.onDefect(defect)
	}
}
