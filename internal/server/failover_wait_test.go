package server

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// timed is an upstream that refuses until it has been asked often enough, and
// keeps the times.
type timed struct {
	*scriptedUpstream
	later string // the line of every refusal but the first, if set
	mu    sync.Mutex
	at    []time.Time
}

func newTimed(t *testing.T, refusals int, lines ...string) *timed {
	u := new(timed)
	u.scriptedUpstream = newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		u.mu.Lock()
		u.at = append(u.at, time.Now())
		n := len(u.at)
		u.mu.Unlock()
		c.readBody(r)
		switch {
		case n > refusals:
			c.send(okAnswer)
		case n > 1 && u.later != "":
			c.send(answerOf(429, "slow down", u.later))
		default:
			c.send(answerOf(429, "slow down", lines...))
		}
	})
	return u
}

// gap is the time between two requests, counted from 0.
func (u *timed) gap(from, to int) time.Duration {
	u.t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.at) <= to {
		u.t.Fatalf("the upstream got %d requests, want more than %d", len(u.at), to)
	}
	return u.at[to].Sub(u.at[from])
}

func about(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want-5*time.Millisecond || got > want+promptly {
		t.Errorf("%s took %v, want %v", what, got, want)
	}
}

const forEver = 30 * time.Second // in which no test may wait

func TestRetryElsewhereDoesNotWait(t *testing.T) {
	for name, change := range map[string]func(*config.Route){
		"another upstream": func(r *config.Route) {},
		"another key": func(r *config.Route) {
			pooled(&r.Upstreams[0], "x", "y")
			r.Upstreams = r.Upstreams[:1]
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := newTimed(t, 1, "Retry-After: 30")
			c := retrying(u.base(), u.base())
			c.Routes[0].Retry.Backoff = config.Backoff{Initial: forEver, Max: forEver}
			change(&c.Routes[0])
			g := start(t, inClear, c)
			g.post("/api", "hi").ok(t)
			about(t, "another attempt", u.gap(0, 1), 0)
		})
	}
}

func TestRetryOnTheSameKeyWaitsForABackoffThatDoubles(t *testing.T) {
	u := newTimed(t, 4)
	c := retrying(u.base())
	c.Routes[0].Retry.MaxAttempts = 5
	c.Routes[0].Retry.Backoff = config.Backoff{Initial: 50 * time.Millisecond, Max: 150 * time.Millisecond}
	g := start(t, inClear, c)
	g.post("/api", "hi").ok(t)
	for i, want := range []time.Duration{50, 100, 150, 150} {
		about(t, "a wait", u.gap(i, i+1), want*time.Millisecond)
	}
	if total := u.gap(0, 4); total > 450*time.Millisecond+promptly {
		t.Errorf("all waits took %v", total)
	}
}

func TestRetryOnTheSameKeyWaitsAsLongAsItAsked(t *testing.T) {
	for name, c := range map[string]struct {
		line    string
		ignored bool
		want    time.Duration
	}{
		"ms":           {"retry-after-ms: 250", false, 250 * time.Millisecond},
		"seconds":      {"Retry-After: 1", false, time.Second},
		"a date":       {"Retry-After: " + time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat), false, 0},
		"less than it": {"retry-after-ms: 1", false, 100 * time.Millisecond},
		"unreadable":   {"Retry-After: soon", false, 100 * time.Millisecond},
		"not heeded":   {"Retry-After: 30", true, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newTimed(t, 1, c.line)
			cfg := retrying(u.base())
			cfg.Routes[0].Retry.Backoff = config.Backoff{Initial: 100 * time.Millisecond, Max: time.Second}
			cfg.Routes[0].Retry.RespectRetryAfter = !c.ignored
			g := start(t, inClear, cfg)
			g.post("/api", "hi").ok(t)
			about(t, "the wait", u.gap(0, 1), c.want)
		})
	}
}

// A key that refuses again may ask for another wait: the latest counts.
func TestRetryOnTheSameKeyWaitsAsLongAsItAskedLast(t *testing.T) {
	u := newTimed(t, 2, "retry-after-ms: 1")
	u.later = "retry-after-ms: 250"
	c := retrying(u.base())
	c.Routes[0].Retry.MaxAttempts = 3
	g := start(t, inClear, c)
	g.post("/api", "hi").ok(t)
	about(t, "the second wait", u.gap(1, 2), 250*time.Millisecond)
}

// To go back and forth between two that refuse is no way around a wait.
func TestWhatRefusedBeforeIsLeftAloneAsLongAsItAsked(t *testing.T) {
	u := newTimed(t, 3, "retry-after-ms: 200")
	c := inTurn(severalKeys(u.base(), "x", "y"))
	c.Routes[0].Retry.MaxAttempts = 4
	g := start(t, inClear, c)
	g.post("/api", "hi").ok(t)
	if keys := u.keysOf(); keys != "x y x y" {
		t.Errorf("went to the keys %s", keys)
	}
	about(t, "key y", u.gap(0, 1), 0)
	about(t, "key x again", u.gap(0, 2), 200*time.Millisecond)
	about(t, "key y again", u.gap(1, 3), 200*time.Millisecond)
}

// Another key does not help where nobody listens.
func TestUpstreamThatWasNotReachedIsLeftAloneWithEveryKey(t *testing.T) {
	c := several(closedPort(t))
	pooled(&c.Routes[0].Upstreams[0], "x", "y", "z")
	c.Routes[0].Retry.MaxAttempts = 4
	c.Routes[0].Retry.Backoff = config.Backoff{Initial: 50 * time.Millisecond, Max: time.Second}
	g := start(t, inClear, c)
	begun := time.Now()
	g.post("/api", "hi").refusal(t, 502, "upstream_connect_error")
	about(t, "four attempts", time.Since(begun), (50+100+200)*time.Millisecond)
	if o := g.outcome(); len(o.Attempts) != 4 {
		t.Errorf("%d attempts, want 4", len(o.Attempts))
	}
}

func TestAskedToWaitTooLongTheClientGetsThatAnswerAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		line   string
		change func(*config.Route)
	}{
		"than max_retry_after_ms": {"Retry-After: 61", func(r *config.Route) {
			r.Upstreams[0].RequestTimeout = time.Hour
		}},
		"than the budget has left": {"Retry-After: 20", func(r *config.Route) {
			r.Upstreams[0].RequestTimeout = 10 * time.Second
		}},
		"by the backoff": {"X-Nothing: 1", func(r *config.Route) {
			r.Upstreams[0].RequestTimeout = 10 * time.Second
			r.Retry.Backoff = config.Backoff{Initial: forEver, Max: forEver}
		}},
		"with two keys": {"Retry-After: 61", func(r *config.Route) {
			r.Upstreams[0].RequestTimeout = time.Hour
			pooled(&r.Upstreams[0], "x", "y")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			over(t, clearOrHTTP2, func(t *testing.T, via transport) {
				u := newTimed(t, 100, c.line, "X-Theirs: 1", "X-Theirs: 2")
				cfg := retrying(u.base())
				cfg.Routes[0].Retry.MaxAttempts = 5
				c.change(&cfg.Routes[0])
				g := start(t, via, cfg)
				begun := time.Now()
				a := g.post("/api", "hi")
				about(t, "the answer", time.Since(begun), 0)
				name, value, _ := strings.Cut(c.line, ": ")
				if a.status != 429 || a.body != "slow down" || a.header.Get(name) != value || len(a.header.Values("X-Theirs")) != 2 {
					t.Errorf("got %d %v %q, want the upstream's answer unchanged", a.status, a.header, a.body)
				}
				o := g.outcome()
				if n := len(u.requests()); n != max(1, len(cfg.Routes[0].Upstreams[0].Keys)) || len(o.Attempts) != n || o.End != gateway.Complete || o.Status != 429 {
					t.Errorf("%d requests, outcome %+v", n, o)
				}
			})
		})
	}
}

func TestClientThatLeavesDuringABackoffEndsIt(t *testing.T) {
	for _, isDraining := range []bool{false, true} {
		over(t, transports, func(t *testing.T, via transport) {
			u := newTimed(t, 1, "Retry-After: 30")
			c := retrying(u.base())
			c.Routes[0].Upstreams[0].KeyMaxInflight = 1
			c.Routes[0].Stream = config.Stream{DrainOnDisconnect: isDraining, DrainMax: forEver}
			g := start(t, via, c)
			leave := g.leaving("POST", "/api")
			if !within(patienceOfTests, func() bool { return len(u.requests()) == 1 }) {
				t.Fatal("no request came")
			}
			waitFor(100 * time.Millisecond) // the backoff has begun
			left := time.Now()
			leave()
			o := g.attempted("a status_429")
			about(t, "the end", time.Since(left), 0)
			if o.End != gateway.ClientGone || o.Code != "" {
				t.Errorf("ended as %s %q, want client_gone", o.End, o.Code)
			}
			g.ask("/api") // the slot is free
		})
	}
}

func TestFirstUpstreamsBudgetBoundsAllAttempts(t *testing.T) {
	over(t, clearOrHTTP2, func(t *testing.T, via transport) {
		slow := newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
			c.readBody(r)
			waitFor(300 * time.Millisecond)
			c.send(okAnswer)
		})
		c := uncooled(retrying(closedPort(t), slow.base()))
		c.Routes[0].Upstreams[0].RequestTimeout = 100 * time.Millisecond
		g := start(t, via, c)
		begun := time.Now()
		g.post("/api", "hi").refusal(t, 504, "upstream_timeout")
		about(t, "the refusal", time.Since(begun), 100*time.Millisecond)
		g.attempted("a connect_error, b timeout")

		c.Routes[0].Upstreams[0].RequestTimeout = time.Minute
		c.Routes[0].Upstreams[1].RequestTimeout = 100 * time.Millisecond
		g.reload(c)
		g.post("/api", "hi").ok(t)
	})
}
