package gateway

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"ai-gw-lite/internal/wire"
)

// The cost of a request stays flat with the number of routes, of tokens and of
// those who have asked in this minute.

func BenchmarkMatch(b *testing.B) {
	for _, routes := range []int{1, 100, 10_000} {
		g := crowded(routes, 1)
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			benchStep(b, g, (*exchange).match)
		})
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	for _, tokens := range []int{1, 100_000} {
		g := crowded(1, tokens)
		b.Run(fmt.Sprintf("tokens=%d", tokens), func(b *testing.B) {
			benchStep(b, g, (*exchange).authenticate)
		})
	}
}

func BenchmarkLimit(b *testing.B) {
	for _, clients := range []int{1, 1_000_000} {
		g := crowded(1, 1)
		countClients(g, clients)
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			benchStep(b, g, limitAndGiveBack)
		})
	}
}

func BenchmarkAdmit(b *testing.B) {
	benchStep(b, crowded(1, 1), func(x *exchange) error {
		err := x.admit()
		x.gw.downstream.Release()
		x.admitted = false
		return err
	})
}

// BenchmarkRewriteHead puts together what goes upstream.
func BenchmarkRewriteHead(b *testing.B) {
	message, token := new(wire.Output), []byte(testToken)
	benchStep(b, crowded(1, 1), func(x *exchange) error {
		x.presented = token
		x.route = x.snap.find(x.req.Path)
		x.target, x.key = x.route.targets[0], x.route.targets[0].keys[0]
		x.out = message
		x.out.B = x.appendHead(x.out.B[:0])
		x.out = nil
		return nil
	})
}

func TestStepsAllocateNothingInACrowd(t *testing.T) {
	if raceDetector {
		t.Skip("allocations cannot be counted under the race detector")
	}
	g := crowded(100, 10_000)
	countClients(g, 10_000)
	x := takeExchange(g, newFake(t, fullRequest))
	for _, step := range []struct {
		name string
		run  func(*exchange) error
	}{
		{"match", (*exchange).match},
		{"authenticate", (*exchange).authenticate},
		{"limit", limitAndGiveBack},
	} {
		var failed error
		allocs := testing.AllocsPerRun(1000, func() {
			x.presented = nil
			if err := step.run(x); err != nil {
				failed = err
			}
		})
		if failed != nil || allocs != 0 {
			t.Errorf("%s: %v allocations, want none; %v", step.name, allocs, failed)
		}
	}
}

// crowded is a gateway with so many routes and tokens. The request of the tests
// is for the first of each.
func crowded(routes, tokens int) *Gateway {
	c := testConfig("http://127.0.0.1:9")
	for i := 1; i < routes; i++ {
		r := c.Routes[0]
		r.ID, r.Prefix = fmt.Sprint("r", i), fmt.Sprintf("/team-%d/api", i)
		c.Routes = append(c.Routes, r)
	}
	for i := 1; i < tokens; i++ {
		c.Auth.Tokens = append(c.Auth.Tokens, fmt.Sprint("gw_token-", i))
	}
	return newGateway(c, nil)
}

// countClients has so many callers ask in this minute.
func countClients(g *Gateway, clients int) {
	now := time.Now()
	for i := range clients {
		sum := sha256.Sum256([]byte(fmt.Sprint("gw_token-", i)))
		g.windows.Take(now, string(sum[:]), "api", 1)
	}
}

func limitAndGiveBack(x *exchange) error {
	if x.caller == nil {
		if err := cmp.Or(x.match(), x.authenticate()); err != nil {
			return err
		}
	}
	err := x.limit()
	x.giveBack()
	return err
}

func benchStep(b *testing.B, g *Gateway, step func(*exchange) error) {
	x := takeExchange(g, newFake(b, fullRequest))
	b.ReportAllocs()
	for b.Loop() {
		x.presented = nil
		if err := step(x); err != nil {
			b.Fatal(err)
		}
	}
}
