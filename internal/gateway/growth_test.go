package gateway

import (
	"fmt"
	"testing"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/wire"
)

// The cost of a request stays flat with the number of routes and of tokens.

func BenchmarkMatch(b *testing.B) {
	for _, routes := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			c := testConfig("http://127.0.0.1:9")
			for i := 1; i < routes; i++ {
				r := c.Routes[0]
				r.ID, r.Prefix = fmt.Sprint("r", i), fmt.Sprintf("/team-%d/api", i)
				c.Routes = append(c.Routes, r)
			}
			benchStep(b, c, (*exchange).match)
		})
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	for _, tokens := range []int{1, 100_000} {
		b.Run(fmt.Sprintf("tokens=%d", tokens), func(b *testing.B) {
			c := testConfig("http://127.0.0.1:9")
			for i := 1; i < tokens; i++ {
				c.Auth.Tokens = append(c.Auth.Tokens, fmt.Sprint("gw_token-", i))
			}
			benchStep(b, c, (*exchange).authenticate)
		})
	}
}

// BenchmarkRewriteHead puts together what goes upstream.
func BenchmarkRewriteHead(b *testing.B) {
	message, token := new(wire.Output), []byte(testToken)
	benchStep(b, testConfig("http://127.0.0.1:9"), func(x *exchange) error {
		x.presented = token
		x.route = x.snap.find(x.req.Path)
		x.target, x.key = x.route.targets[0], x.route.targets[0].keys[0]
		x.out = message
		x.out.B = x.appendHead(x.out.B[:0])
		x.out = nil
		return nil
	})
}

func benchStep(b *testing.B, c *config.Config, step func(*exchange) error) {
	g := newGateway(c, nil)
	f := newFake(b, fullRequest)
	x := takeExchange(g, f)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		x.presented = nil
		if err := step(x); err != nil {
			b.Fatal(err)
		}
	}
}
