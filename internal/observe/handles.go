package observe

import (
	"maps"
	"sync"
	"sync/atomic"
)

// handles finds things by their labels without a lock and without memory. It
// is copied when it grows, so it is for what soon stops growing.
type handles[K comparable, V any] struct {
	known atomic.Pointer[map[K]V]
	mu    sync.Mutex // held while it grows
}

// get finds what was added under the key.
func (h *handles[K, V]) get(key K) (v V, found bool) {
	if known := h.known.Load(); known != nil {
		v, found = (*known)[key]
	}
	return v, found
}

// add makes what belongs to the key, unless somebody else just has.
func (h *handles[K, V]) add(key K, make func() V) V {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v, found := h.get(key); found {
		return v
	}
	grown := map[K]V{}
	if known := h.known.Load(); known != nil {
		grown = maps.Clone(*known)
	}
	v := make()
	grown[key] = v
	h.known.Store(&grown)
	return v
}

// all is everything so far. It is not to be changed.
func (h *handles[K, V]) all() map[K]V {
	if known := h.known.Load(); known != nil {
		return *known
	}
	return nil
}
