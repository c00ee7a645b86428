package upstream

import "sync"

// Pools finds the pool of an endpoint, so that idle connections outlive the
// configuration they were opened under.
type Pools struct {
	dialer *Dialer
	mu     sync.Mutex
	byKey  map[string]*Pool
}

// NewPools makes a registry whose pools dial with d.
func NewPools(d *Dialer) *Pools {
	return &Pools{dialer: d, byKey: make(map[string]*Pool)}
}

// Get returns the pool of an endpoint, always the same for the same endpoint.
func (p *Pools) Get(e *Endpoint) *Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := e.Key()
	pool := p.byKey[key]
	if pool == nil {
		pool = NewPool(p.dialer, e)
		p.byKey[key] = pool
	}
	return pool
}

// Retain closes the pools of endpoints that are used no more.
func (p *Pools) Retain(used map[*Pool]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, pool := range p.byKey {
		if !used[pool] {
			pool.Close()
			delete(p.byKey, key)
		}
	}
}
