package gateway

import (
	"time"

	"ai-gw-lite/internal/balance"
	"ai-gw-lite/internal/config"
)

// CooldownChange is the beginning or the end of a cooldown, of an upstream or a
// key.
type CooldownChange struct {
	Route, Upstream, Key string        // Key is empty for the upstream itself
	Why                  string        // a status, or "connect_error"
	For                  time.Duration // 0: the cooldown has ended
}

// OnCooldown has f told of each cooldown's beginning and end. f must not block.
// To be called before Serve.
func (g *Gateway) OnCooldown(f func(CooldownChange)) { g.onCooldown = f }

// Cooldowns tells how long the cooldown of every key of the configuration in
// force still lasts, 0 where there is none: for a metric that is read when asked
// for.
func (g *Gateway) Cooldowns(f func(route, upstream, key string, left time.Duration)) {
	now := time.Now()
	for _, r := range g.snapshot.Load().routes {
		for _, t := range r.targets {
			for _, k := range t.keys {
				f(r.id, t.name, k.id, max(t.cooldown.Left(now), k.cooldown.Left(now)))
			}
		}
	}
}

// cool has what answered with a failure not used for a while: the key, or the
// upstream if it has no pool. asked is what the answer asked for. On a route with
// nothing else to use meanwhile there are no rules, so nothing is cooled.
func (x *exchange) cool(status int, asked time.Duration, readable bool) {
	rule, ok := x.route.cooldown.after[status]
	if !ok {
		return
	}
	cooldown, id := x.target.cooldown, ""
	if x.target.pooled {
		cooldown, id = x.key.cooldown, x.key.id
	}
	x.coolFor(cooldown, id, statusText(status), ruleFor(rule, asked, readable))
}

// coolUpstream is cool for an upstream that could not be reached.
func (x *exchange) coolUpstream() {
	x.coolFor(x.target.cooldown, "", "connect_error", x.route.cooldown.connect)
}

// unasked is the cooldown after an answer that asked for nothing readable.
const unasked = 30 * time.Second

func ruleFor(rule config.CooldownRule, asked time.Duration, readable bool) time.Duration {
	switch {
	case !rule.RetryAfter:
		return rule.For
	case !readable:
		return unasked
	}
	return asked
}

func (x *exchange) coolFor(cooldown *balance.Cooldown, key, why string, d time.Duration) {
	if d = min(d, x.route.cooldown.max); d <= 0 {
		return
	}
	begins := cooldown.Cool(time.Now(), d)
	if !begins || x.gw.onCooldown == nil {
		return
	}
	change := CooldownChange{Route: x.route.id, Upstream: x.target.name, Key: key, Why: why, For: d}
	x.gw.onCooldown(change)
	x.gw.tellEnd(cooldown, change, d)
}

// tellEnd says so when a cooldown is over, however often it was prolonged.
func (g *Gateway) tellEnd(cooldown *balance.Cooldown, change CooldownChange, d time.Duration) {
	time.AfterFunc(d, func() {
		if left := cooldown.End(time.Now()); left > 0 {
			g.tellEnd(cooldown, change, left)
			return
		}
		change.For = 0
		g.shelter(func() { g.onCooldown(change) })
	})
}
