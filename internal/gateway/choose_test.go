package gateway

import (
	"strconv"
	"sync"
	"testing"

	"ai-gw-lite/internal/config"
)

// oneSlotEach is a gateway with that many upstreams of one slot each.
func oneSlotEach(t *testing.T, n int) *Gateway {
	t.Helper()
	c := testConfig("http://127.0.0.1:1")
	r := &c.Routes[0]
	r.Balancing.Strategy = "weighted_random"
	one := r.Upstreams[0]
	r.Upstreams = nil
	for i := range n {
		u := one
		u.ID = strconv.Itoa(i)
		u.InjectHeaders = []config.Header{{Name: "authorization", Value: "Bearer sk-" + u.ID}}
		r.Upstreams = append(r.Upstreams, u)
	}
	return newGateway(c, nil)
}

// As many as there are slots may be in at once, and nobody of them is refused:
// whoever finds that somebody else took the slot it saw free finds another.
func TestNobodyIsRefusedWhileASlotIsFree(t *testing.T) {
	const n, rounds = 8, 20000
	g := oneSlotEach(t, n)
	r := g.snapshot.Load().routes["/api"]
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() {
			x := &exchange{task: task{gw: g, route: r}}
			for i := range rounds {
				if !x.pickTarget() {
					t.Errorf("refused at round %d", i)
					return
				}
				x.slots.release()
			}
		})
	}
	clients.Wait()
	for _, one := range r.targets {
		if k := one.keys[0]; k.slots.InUse() != 0 || k.load.InUse() != 0 {
			t.Errorf("upstream %s: %d slots and a load of %d are still held", one.name, k.slots.InUse(), k.load.InUse())
		}
	}
}
