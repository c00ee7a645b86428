package server

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

const secs = time.Second

func TestCooldownLastsAsLongAsTheFailureSays(t *testing.T) {
	fixed := func(d time.Duration) config.CooldownRule { return config.CooldownRule{For: d} }
	for _, c := range []struct {
		name   string
		status int
		lines  []string
		change func(*config.Cooldown)
		want   time.Duration // 0: no cooldown
	}{
		{"429 that asks for seconds", 429, []string{"Retry-After: 7"}, nil, 7 * secs},
		{"429 that asks for ms", 429, []string{"retry-after-ms: 1500", "Retry-After: 7"}, nil, 1500 * time.Millisecond},
		{"429 that asks for nothing", 429, nil, nil, 30 * secs},
		{"429 that asks for nothing readable", 429, []string{"Retry-After: soon"}, nil, 30 * secs},
		{"429 that asks to come back at once", 429, []string{"Retry-After: 0"}, nil, 0},
		{"429 that asks for too much", 429, []string{"Retry-After: 86400"}, nil, 900 * secs},
		{"401", 401, []string{"Retry-After: 7"}, nil, 300 * secs},
		{"402", 402, nil, nil, 900 * secs},
		{"403, which is about the request", 403, nil, nil, 0},
		{"529", 529, nil, nil, 30 * secs},
		{"503", 503, []string{"Retry-After: 7"}, nil, 0},
		{"500", 500, nil, nil, 0},
		{"404", 404, nil, nil, 0},
		{"200 with a Retry-After", 200, []string{"Retry-After: 7"}, nil, 0},
		{"a time of the operator's own", 429, []string{"Retry-After: 7"}, func(c *config.Cooldown) { c.After["429"] = fixed(3 * secs) }, 3 * secs},
		{"none of the operator's own", 401, nil, func(c *config.Cooldown) { c.After["401"] = fixed(0) }, 0},
		{"a status of the operator's own", 503, []string{"Retry-After: 7"}, func(c *config.Cooldown) { c.After["503"] = config.CooldownRule{RetryAfter: true} }, 7 * secs},
		{"a shorter bound", 402, nil, func(c *config.Cooldown) { c.Max = 60 * secs }, 60 * secs},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := answering(t, answerOf(c.status, "", c.lines...))
			cfg := severalKeys(u.base(), "main", "spare")
			if c.change != nil {
				c.change(&cfg.Routes[0].Cooldown)
			}
			g := start(t, inClear, cfg)
			told := g.cooldowns()
			g.get("/api")
			if c.want == 0 {
				told.none(t, c.name)
				return
			}
			got := receive(t, told, "a cooldown")
			want := gateway.CooldownChange{Route: "api", Upstream: "a", Key: keyOf(u.only()), Why: fmt.Sprintf("status_%d", c.status), For: c.want}
			if got != want {
				t.Errorf("told %+v, want %+v", got, want)
			}
		})
	}
}

func TestDateOfARetryAfterIsUnderstood(t *testing.T) {
	at := time.Now().Add(2 * time.Minute)
	u := answering(t, answerOf(429, "", "Retry-After: "+at.UTC().Format(http.TimeFormat)))
	c := severalKeys(u.base(), "main", "spare")
	g := start(t, inClear, c)
	told := g.cooldowns()
	g.get("/api")
	if got := receive(t, told, "a cooldown"); got.For < 100*secs || got.For > 120*secs {
		t.Errorf("the cooldown is to last %v, want about 2m", got.For)
	}
}

func TestUpstreamItselfIsCooledWhereThereIsNoPoolOrNoConnection(t *testing.T) {
	limited := answering(t, answerOf(429, "", "Retry-After: 7"))
	c := several(closedPort(t), limited.base())
	pooled(&c.Routes[0].Upstreams[0], "main", "spare")
	c.Routes[0].Retry.MaxAttempts = 2
	g := start(t, inClear, c)
	told := g.cooldowns()
	if a := g.get("/api"); a.status != 429 {
		t.Fatalf("got %d, want the second upstream's 429", a.status)
	}
	for _, want := range []gateway.CooldownChange{
		{Route: "api", Upstream: "a", Why: "connect_error", For: 10 * secs},
		{Route: "api", Upstream: "b", Why: "status_429", For: 7 * secs},
	} {
		if got := receive(t, told, "a cooldown"); got != want {
			t.Errorf("told %+v, want %+v", got, want)
		}
	}
}

// With nothing else to use, a cooldown would only refuse what might succeed.
func TestNothingIsCooledWhereThereIsNothingElse(t *testing.T) {
	for name, base := range map[string]string{
		"429":           answering(t, answerOf(429, "", "Retry-After: 60")).base(),
		"connect error": closedPort(t),
	} {
		for _, isPool := range []bool{false, true} {
			c := several(base)
			if isPool {
				pooled(&c.Routes[0].Upstreams[0], "main")
			}
			g := start(t, inClear, c)
			told := g.cooldowns()
			g.get("/api")
			g.get("/api")
			told.none(t, name)
		}
	}
}

func TestWhatIsInCooldownIsSkipped(t *testing.T) {
	u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		if keyOf(r) == "bad" {
			c.send(answerOf(401, "who?"))
			return
		}
		c.send(okAnswer)
	})
	c := inTurn(severalKeys(u.base(), "bad", "good"))
	g := start(t, inClear, c)
	if a := g.get("/api"); a.status != 401 || a.body != "who?" {
		t.Errorf("got %d %q, want the 401 as it came: nothing is retried", a.status, a.body)
	}
	for range 5 {
		g.get("/api").ok(t)
	}
	if keys := u.keysOf(); keys != "bad good good good good good" {
		t.Errorf("went to the keys %s", keys)
	}
}

func TestWhereAllAreInCooldownTheOneBackSoonestIsUsed(t *testing.T) {
	u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.send(answerOf(429, "", "Retry-After: "+map[string]string{"x": "50", "y": "20", "z": "40"}[keyOf(r)]))
	})
	c := inTurn(severalKeys(u.base(), "x", "y", "z"))
	g := start(t, inClear, c)
	for range 5 {
		if a := g.get("/api"); a.status != 429 {
			t.Fatalf("got %d, want the upstream's 429", a.status)
		}
	}
	if keys := u.keysOf(); keys != "x y z y y" {
		t.Errorf("went to the keys %s, want each once, then y, which is back first", keys)
	}
}

func TestCooldownEndsByItselfAndBothEndsAreTold(t *testing.T) {
	var failed atomic.Bool
	u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		if keyOf(r) == "x" && failed.CompareAndSwap(false, true) {
			c.send(answerOf(429, "", "retry-after-ms: 200"))
			return
		}
		c.send(okAnswer)
	})
	c := inTurn(severalKeys(u.base(), "x", "y"))
	g := start(t, inClear, c)
	told := g.cooldowns()
	g.get("/api")
	begun := time.Now()
	if got := receive(t, told, "the beginning of a cooldown"); got.Key != "x" || got.For != 200*time.Millisecond {
		t.Errorf("told %+v", got)
	}
	inCooldown := func() (n int) {
		g.gateway.Cooldowns(func(route, upstream, key string, left time.Duration) {
			if left > 0 {
				n++
				if route != "api" || upstream != "a" || key != "x" || left > 200*time.Millisecond {
					t.Errorf("the cooldown of %s %s %s lasts %v", route, upstream, key, left)
				}
			}
		})
		return n
	}
	if n := inCooldown(); n != 1 {
		t.Errorf("%d keys are in cooldown, want x", n)
	}
	if got := receive(t, told, "the end of a cooldown"); got.Key != "x" || got.For != 0 || got.Why != "status_429" {
		t.Errorf("told %+v", got)
	}
	if took := time.Since(begun); took < 150*time.Millisecond {
		t.Errorf("the cooldown ended after %v, want 200ms", took)
	}
	if n := inCooldown(); n != 0 {
		t.Errorf("%d keys are still in cooldown", n)
	}
	before := len(u.requests())
	g.get("/api").ok(t)
	g.get("/api").ok(t)
	if all := u.requests()[before:]; keyOf(all[0]) == keyOf(all[1]) {
		t.Error("the key is not used again after its cooldown")
	}
	told.none(t, "one cooldown")
}

func TestCooldownsAreCarriedOverAReload(t *testing.T) {
	u := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		if keyOf(r) == "x" {
			c.send(answerOf(429, "", "Retry-After: 60"))
			return
		}
		c.send(okAnswer)
	})
	c := inTurn(severalKeys(u.base(), "x", "y"))
	g := start(t, inClear, c)
	g.get("/api")

	c = inTurn(severalKeys(u.base(), "x", "y", "z"))
	c.Routes[0].Upstreams[0].Keys[1].Weight = 3
	g.reload(c)
	for range 5 {
		g.get("/api").ok(t)
	}
	// A key of the same name but another value is another key.
	c.Routes[0].Upstreams[0].Keys[0].Value = "sk-new"
	g.reload(c)
	cooled := map[string]bool{}
	g.gateway.Cooldowns(func(_, _, key string, left time.Duration) { cooled[key] = left > 0 })
	if cooled["x"] {
		t.Error("a new key is in cooldown for what the old one did")
	}
}

// A client that leaves while the gateway connects says nothing of the upstream.
func TestClientThatLeavesDuringAConnectCoolsNobody(t *testing.T) {
	c := several("https://"+silent(t), closedPort(t))
	g := start(t, inClear, c)
	told := g.cooldowns()
	client := g.dial()
	client.ask("GET /api HTTP/1.1")
	client.Close()
	if o := g.outcome(); o.End != gateway.ClientGone {
		t.Errorf("ended as %s (%v), want client_gone", o.End, o.Cause)
	}
	told.none(t, "the client left")
}
