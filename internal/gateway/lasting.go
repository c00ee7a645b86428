package gateway

import (
	"maps"
	"sync"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/upstream"
)

// lasting holds cooldowns and sessions by name, so that they outlive a snapshot.
type lasting struct {
	mu        sync.Mutex
	cooldowns map[string]*balance.Cooldown
	sessions  map[string]*balance.Affinity // by route
}

func newLasting() lasting {
	return lasting{cooldowns: make(map[string]*balance.Cooldown), sessions: make(map[string]*balance.Affinity)}
}

// cooldown finds the cooldown of that name, or makes one.
func (l *lasting) cooldown(name string) *balance.Cooldown {
	l.mu.Lock()
	defer l.mu.Unlock()
	return findOrMake(l.cooldowns, name)
}

// affinity finds the sessions of a route, or makes room for them.
func (l *lasting) affinity(route string) *balance.Affinity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return findOrMake(l.sessions, route)
}

func findOrMake[T any](all map[string]*T, name string) *T {
	one := all[name]
	if one == nil {
		one = new(T)
		all[name] = one
	}
	return one
}

// retain forgets the state of what the snapshot does not name. Exchanges that
// still go on hold theirs.
func (g *Gateway) retain(s *Snapshot) {
	pools := make(map[*upstream.Pool]bool)
	cooldowns := make(map[*balance.Cooldown]bool)
	sessions := make(map[*balance.Affinity]bool)
	for _, r := range s.routes {
		sessions[r.sessions] = true
		for _, t := range r.targets {
			pools[t.pool], cooldowns[t.cooldown] = true, true
			for _, k := range t.keys {
				cooldowns[k.cooldown] = true
			}
		}
	}
	g.pools.Retain(pools)
	g.lasting.mu.Lock()
	defer g.lasting.mu.Unlock()
	maps.DeleteFunc(g.lasting.cooldowns, func(_ string, c *balance.Cooldown) bool { return !cooldowns[c] })
	maps.DeleteFunc(g.lasting.sessions, func(_ string, a *balance.Affinity) bool { return !sessions[a] })
}
