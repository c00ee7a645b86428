package gateway

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/config"
)

// route is where the requests below a prefix go: one upstream, or several to
// choose from.
type route struct {
	id        string
	prefix    string
	targets   []*target
	strategy  balance.Strategy
	affinity  *config.Affinity // nil: off
	retry     config.Retry
	retryOn   map[int]bool // statuses
	retryDial bool         // a connection that could not be made
	cooldown  cooldownRules
	drain     time.Duration // how long an answer is read on without its client; 0: not at all
	single    bool          // one upstream with one key: nothing to choose

	mu    sync.Mutex // over choosing: the turns, and the look at slots until one is taken
	turns []int64    // of the targets; each target has those of its keys

	sessions *balance.Affinity // bound by Gateway.Use
}

// cooldownRules says how long what failed is not used.
type cooldownRules struct {
	after   map[int]config.CooldownRule // by status
	connect time.Duration
	max     time.Duration
}

func compileRoute(c *config.Route, all *config.Config, id identity) (*route, error) {
	r := &route{
		id:       c.ID,
		prefix:   c.Prefix,
		strategy: strategies[c.Balancing.Strategy],
		affinity: c.Balancing.Affinity,
		retry:    c.Retry,
		retryOn:  make(map[int]bool),
		cooldown: cooldownRules{after: make(map[int]config.CooldownRule), max: c.Cooldown.Max},
		turns:    make([]int64, len(c.Upstreams)),
	}
	if c.Stream.DrainOnDisconnect {
		r.drain = c.Stream.DrainMax
	}
	for _, on := range c.Retry.On {
		if status, err := strconv.Atoi(on); err == nil {
			r.retryOn[status] = true
		} else {
			r.retryDial = true
		}
	}
	keys := 0
	for i := range c.Upstreams {
		t, err := compileTarget(&c.Upstreams[i], c, all, id)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", c.ID, err)
		}
		r.targets = append(r.targets, t)
		keys += len(t.keys)
	}
	if r.single = keys == 1; r.single {
		return r, nil // nothing else to use meanwhile: nothing is cooled
	}
	for on, rule := range c.Cooldown.After {
		if status, err := strconv.Atoi(on); err == nil {
			r.cooldown.after[status] = rule
		} else {
			r.cooldown.connect = rule.For
		}
	}
	return r, nil
}

var strategies = map[string]balance.Strategy{
	"weighted_random": balance.WeightedRandom,
	"round_robin":     balance.RoundRobin,
	"least_inflight":  balance.LeastInflight,
}

func (r *route) bind(g *Gateway) {
	for _, t := range r.targets {
		t.bind(g, r)
	}
	if r.affinity != nil {
		r.sessions = g.lasting.affinity(r.id)
	}
}
