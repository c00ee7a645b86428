package limit

import (
	"runtime"
	"sync"
	"weak"
)

// Registry finds Slots by name, so that a configuration compiled beside the one
// in force counts in the same place. The zero value is ready for use.
//
// It holds its Slots weakly: one lives exactly as long as somebody could still
// use it, be it a configuration or an exchange that began under an older one.
// So a reload neither forgets a slot in use nor counts it twice, a name that no
// configuration has any more costs nothing, and nobody has to say so. The
// trade: an unused one goes at a garbage collection, not at the reload itself.
type Registry struct {
	mu    sync.Mutex
	slots map[string]weak.Pointer[Slots]
}

// Slots returns the Slots of that name: the one that others hold, else a new
// one. It takes a lock, so call it when a configuration is compiled and keep
// the result, not once a request.
func (r *Registry) Slots(name string) *Slots {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.slots[name].Value(); s != nil {
		return s
	}
	s := new(Slots)
	if r.slots == nil {
		r.slots = make(map[string]weak.Pointer[Slots])
	}
	r.slots[name] = weak.Make(s)
	runtime.AddCleanup(s, r.forget, name)
	return s
}

// forget drops a name whose Slots is gone, unless a new one has taken it.
func (r *Registry) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slots[name].Value() == nil {
		delete(r.slots, name)
	}
}
