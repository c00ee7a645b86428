package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// several is a configuration with one route, /api, that goes to the first of
// the bases and falls back on the others in their order. They are called a, b,
// c, …, and each has a key of its own.
func several(bases ...string) *config.Config {
	c := newConfig(bases[0])
	r := &c.Routes[0]
	r.Upstreams = nil
	for i, base := range bases {
		u := newRoute("", "", base).Upstreams[0]
		u.ID = string(rune('a' + i))
		u.Priority = i
		u.InjectHeaders = []config.Header{{Name: "authorization", Value: "Bearer sk-" + u.ID}}
		r.Upstreams = append(r.Upstreams, u)
	}
	r.Balancing = config.Balancing{Strategy: "weighted_random"}
	r.Retry = config.Retry{
		MaxAttempts:       1,
		On:                []string{"connect_error", "429", "503", "529"},
		Backoff:           config.Backoff{Initial: time.Millisecond, Max: 10 * time.Millisecond},
		RespectRetryAfter: true,
		MaxRetryAfter:     time.Minute,
		MaxReplayBody:     10 << 20,
	}
	r.Cooldown = config.Cooldown{After: map[string]config.CooldownRule{
		"429":           {RetryAfter: true},
		"401":           {For: 300 * time.Second},
		"402":           {For: 900 * time.Second},
		"529":           {For: 30 * time.Second},
		"connect_error": {For: 10 * time.Second},
	}, Max: 900 * time.Second}
	return c
}

// retrying is several with attempts enough for all and then some.
func retrying(bases ...string) *config.Config {
	c := several(bases...)
	c.Routes[0].Retry.MaxAttempts = len(bases) + 1
	return c
}

// uncooled takes the cooldowns away: what a test is not about must not get into it.
func uncooled(c *config.Config) *config.Config {
	c.Routes[0].Cooldown.After = nil
	return c
}

// pooled gives the upstream a pool of keys in place of its one.
func pooled(u *config.Upstream, ids ...string) {
	u.InjectHeaders = nil
	u.KeyHeader = config.KeyHeader{Name: "authorization", Prefix: "Bearer "}
	for _, id := range ids {
		u.Keys = append(u.Keys, config.Key{ID: id, Value: "sk-" + id, Weight: 1})
	}
}

// severalKeys is several for one upstream that has a pool of keys.
func severalKeys(base string, ids ...string) *config.Config {
	c := several(base)
	pooled(&c.Routes[0].Upstreams[0], ids...)
	return c
}

// inTurn has equals take their turns, so that a test knows who is next.
func inTurn(c *config.Config) *config.Config {
	c.Routes[0].Balancing.Strategy = "round_robin"
	return c
}

const sessionHeader = "X-Session"

// withSessions keeps a session where it was served.
func withSessions(c *config.Config) *config.Config {
	c.Routes[0].Balancing.Affinity = &config.Affinity{Header: "x-session", TTL: time.Minute}
	return c
}

// keyOf is the key that a request came with.
func keyOf(r *upstreamRequest) string {
	return strings.TrimPrefix(r.get("Authorization"), "Bearer sk-")
}

// keysOf is the keys of all requests that came, in order.
func (u *scriptedUpstream) keysOf() string {
	var keys []string
	for _, r := range u.requests() {
		keys = append(keys, keyOf(r))
	}
	return strings.Join(keys, " ")
}

// answerOf is a whole answer of that status.
func answerOf(status int, body string, lines ...string) string {
	head := append([]string{fmt.Sprintf("HTTP/1.1 %d %s", status, http.StatusText(status))}, lines...)
	head = append(head, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	return strings.Join(head, "\r\n")
}

// holdingUpstream keeps every request waiting until it is let go.
type holdingUpstream struct {
	*scriptedUpstream
	arrived chan *upstreamRequest
	release chan struct{}
	letGo   func()
}

func newHolding(t *testing.T) *holdingUpstream {
	h := &holdingUpstream{arrived: make(chan *upstreamRequest, 1000), release: make(chan struct{})}
	h.letGo = sync.OnceFunc(func() { close(h.release) })
	h.scriptedUpstream = newUpstream(t, func(c *upstreamConn, r *upstreamRequest) {
		c.readBody(r)
		h.arrived <- r
		<-h.release
		c.send(okAnswer)
	})
	t.Cleanup(h.letGo) // before the upstream waits for its scripts
	return h
}

// next is the next request to come.
func (h *holdingUpstream) next() *upstreamRequest {
	h.t.Helper()
	return receive(h.t, h.arrived, "a request at the upstream")
}

// receive waits for what a channel brings.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patienceOfTests):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// begin sends a request in the background and returns where its answer comes.
func (g *rig) begin(req *http.Request) <-chan *answer {
	out := make(chan *answer, 1)
	go func() {
		a, err := g.try(req)
		if err != nil {
			a = &answer{err: err}
		}
		out <- a
	}()
	return out
}

// reload puts another configuration in force.
func (g *rig) reload(c *config.Config) {
	g.t.Helper()
	s, err := gateway.Compile(c)
	if err != nil {
		g.t.Fatal(err)
	}
	g.gateway.Use(s)
}

// results is how each attempt of an exchange went, in order: "b/main status_429".
func results(o gateway.Outcome) string {
	var out []string
	for _, a := range o.Attempts {
		where := a.Upstream
		if a.Key != "" {
			where += "/" + a.Key
		}
		out = append(out, where+" "+a.Result)
	}
	return strings.Join(out, ", ")
}

// attempted fails the test unless the next exchange to end went through these attempts.
func (g *rig) attempted(want string) gateway.Outcome {
	g.t.Helper()
	o := g.outcome()
	if got := results(o); got != want {
		g.t.Errorf("the attempts were %q, want %q", got, want)
	}
	return o
}

// inflight counts what goes on at once.
type inflight struct{ now, most atomic.Int64 }

func (f *inflight) enter() {
	n := f.now.Add(1)
	for m := f.most.Load(); n > m && !f.most.CompareAndSwap(m, n); m = f.most.Load() {
	}
}

func (f *inflight) leave() { f.now.Add(-1) }

// silent is the address of one who takes connections and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	return listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
}

// cooldowns collects what the gateway tells of cooldowns.
type cooldowns chan gateway.CooldownChange

func (g *rig) cooldowns() cooldowns {
	told := make(cooldowns, 1000)
	g.gateway.OnCooldown(func(c gateway.CooldownChange) { told <- c })
	return told
}

// none fails the test if anything was told.
func (c cooldowns) none(t *testing.T, why string) {
	t.Helper()
	select {
	case told := <-c:
		t.Errorf("%s: %+v was told of", why, told)
	default:
	}
}

// awaitNothing keeps the connection open and reads nothing, as long as the test
// lasts.
func (c *upstreamConn) awaitNothing() {
	c.ended = true
	for c.SetReadDeadline(time.Time{}) == nil { // the upstream has not closed it
		time.Sleep(2 * time.Millisecond)
	}
}

// leaving sends a request with a short body and returns what makes its client
// go away: the connection's end or, in HTTP/2, a reset of the stream.
func (g *rig) leaving(method, target string) (leave func()) {
	g.t.Helper()
	if !g.via.http2 {
		client := g.dial()
		client.ask(method+" "+target+" HTTP/1.1", "Content-Length: 2")
		client.send("hi")
		return func() { client.Close() }
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.t.Cleanup(cancel)
	req := g.request(method, target, strings.NewReader("hi")).WithContext(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if res, err := g.client.Do(req); err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}()
	return func() { cancel(); <-gone }
}
