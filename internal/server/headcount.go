package server

import "sync"

// headcount counts who is still here. Unlike a sync.WaitGroup's its count may
// rise from zero while somebody waits.
type headcount struct {
	mu   sync.Mutex
	n    int
	gone chan struct{} // closed when n falls to zero; nil: nobody waits
}

func (h *headcount) come() {
	h.mu.Lock()
	h.n++
	h.mu.Unlock()
}

func (h *headcount) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n--; h.n == 0 && h.gone != nil {
		close(h.gone)
		h.gone = nil
	}
}

// wait blocks until nobody is here.
func (h *headcount) wait() {
	h.mu.Lock()
	if h.n == 0 {
		h.mu.Unlock()
		return
	}
	if h.gone == nil {
		h.gone = make(chan struct{})
	}
	gone := h.gone
	h.mu.Unlock()
	<-gone
}
