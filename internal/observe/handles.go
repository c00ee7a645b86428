package observe

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// handles finds things by their labels without a lock and without memory. It
// is copied when it grows, so it is for what soon stops growing.
type handles[K comparable, V any] struct {
	known atomic.Pointer[index[K, V]]
	mu    sync.Mutex // held while it grows
}

// index is what is known. Nearly all that is looked for is among the first
// that ever came, which are compared before a hash is worked out.
type index[K comparable, V any] struct {
	first []handle[K, V]
	all   map[K]V
}

type handle[K comparable, V any] struct {
	key   K
	value V
}

const comparedFirst = 4

// get finds what was added under the key.
func (h *handles[K, V]) get(key K) (v V, found bool) {
	known := h.known.Load()
	if known == nil {
		return v, false
	}
	for i := range known.first {
		if f := &known.first[i]; f.key == key {
			return f.value, true
		}
	}
	v, found = known.all[key]
	return v, found
}

// add makes what belongs to the key, unless somebody else just has.
func (h *handles[K, V]) add(key K, make func() V) V {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v, found := h.get(key); found {
		return v
	}
	grown := &index[K, V]{all: maps.Clone(h.all())}
	if grown.all == nil {
		grown.all = map[K]V{}
	}
	v := make()
	grown.all[key] = v
	if known := h.known.Load(); known != nil {
		grown.first = slices.Clone(known.first)
	}
	if len(grown.first) < comparedFirst {
		grown.first = append(grown.first, handle[K, V]{key, v})
	}
	h.known.Store(grown)
	return v
}

// all is everything so far. It is not to be changed.
func (h *handles[K, V]) all() map[K]V {
	if known := h.known.Load(); known != nil {
		return known.all
	}
	return nil
}
