package server

import (
	"strings"
	"testing"

	"ai-gw-lite/internal/config"
)

func TestFirstSourceThatYieldsATokenDecides(t *testing.T) {
	both := []config.TokenSource{{Header: "authorization", Bearer: true}, {Header: "x-gw-token"}}
	reversed := []config.TokenSource{both[1], both[0]}
	for _, row := range []struct {
		name    string
		sources []config.TokenSource
		lines   []string
		ok      bool
	}{
		{"bearer", both, []string{"Authorization: Bearer gw_alice"}, true},
		{"header", both, []string{"Authorization:", "X-Gw-Token: gw_alice"}, true},
		{"second token", both, []string{"Authorization: Bearer gw_bob"}, true},
		{"lower-case scheme", both, []string{"Authorization: bearer gw_alice"}, true},
		{"upper-case scheme", both, []string{"Authorization: BEARER gw_alice"}, true},
		{"blanks around", both, []string{"Authorization: Bearer   gw_alice  "}, true},
		{"tab behind the scheme's blank", both, []string{"Authorization: Bearer \tgw_alice\t"}, true},
		{"first is good, second is bad", both, []string{"Authorization: Bearer gw_alice", "X-Gw-Token: wrong"}, true},
		{"first is bad, second is good", both, []string{"Authorization: Bearer wrong", "X-Gw-Token: gw_alice"}, false},
		{"the configured order counts, not the sent one", reversed, []string{"Authorization: Bearer wrong", "X-Gw-Token: gw_alice"}, true},
		{"another scheme yields nothing", both, []string{"Authorization: Basic Z3dfYWxpY2U=", "X-Gw-Token: gw_alice"}, true},
		{"an empty bearer yields nothing", both, []string{"Authorization: Bearer ", "X-Gw-Token: gw_alice"}, true},
		{"an empty header yields nothing", reversed, []string{"X-Gw-Token: ", "Authorization: Bearer gw_alice"}, true},
		{"no scheme", both, []string{"Authorization: gw_alice"}, false},
		{"scheme alone", both, []string{"Authorization: Bearer"}, false},
		{"nothing", both, []string{"Authorization:"}, false},
		{"longer", both, []string{"Authorization: Bearer gw_alicex"}, false},
		{"shorter", both, []string{"Authorization: Bearer gw_alic"}, false},
		{"another case", both, []string{"Authorization: Bearer GW_ALICE"}, false},
		{"a header that is no source", both[:1], []string{"Authorization:", "X-Gw-Token: gw_alice"}, false},
		{"two words", both, []string{"Authorization: Bearer gw_alice gw_alice"}, false},
		{"twice the same", both, []string{"Authorization: Bearer gw_alice", "Authorization: Bearer gw_alice"}, true},
		{"twice, different", both, []string{"Authorization: Bearer gw_alice", "Authorization: Bearer gw_bob"}, false},
		{"twice, the first empty", both, []string{"Authorization:", "X-Gw-Token: gw_alice", "X-Gw-Token: gw_bob"}, false},
		{"a later source twice, different", both, []string{"Authorization: Bearer gw_alice", "X-Gw-Token: a", "X-Gw-Token: b"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			over(t, transports, func(t *testing.T, via transport) {
				u := answering(t, okAnswer)
				c := newConfig(u.base())
				c.Auth.Sources = row.sources
				g := start(t, via, c)
				a := g.get("/api", row.lines...)
				if row.ok {
					a.ok(t)
					return
				}
				a.refusal(t, 401, "unauthorized")
				if len(u.requests()) != 0 {
					t.Error("the upstream was asked")
				}
			})
		})
	}
}

func TestTokenInTheQueryIsNoToken(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		g := start(t, via, newConfig(answering(t, okAnswer).base()))
		g.get("/api?access_token="+token+"&key="+token, "Authorization:").refusal(t, 401, "unauthorized")
	})
}

func TestUnauthorizedIsSaidBeforeTheBody(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		g := start(t, via, newConfig(u.base()))
		body := newPipe(t)
		req := g.request("POST", "/api", body, "Authorization: Bearer wrong")
		req.ContentLength = 1 << 20
		res := g.open(req)
		if res.StatusCode != 401 {
			t.Errorf("got %d", res.StatusCode)
		}
	})
}

// A request id is the client's to choose, and goes upstream.
func TestTokenGoesUpstreamAsNoRequestIDEither(t *testing.T) {
	over(t, transports, func(t *testing.T, via transport) {
		u := answering(t, okAnswer)
		c := newConfig(u.base())
		c.Observability = &config.Observability{RequestIDHeader: "x-request-id"}
		g := start(t, via, c)
		a := g.get("/api", "X-Request-Id: "+token)
		a.ok(t)
		if r := u.only(); strings.Contains(r.head, token) || len(r.all("x-request-id")) != 1 {
			t.Errorf("went upstream as %q", r.head)
		}
		if id := a.header.Get("X-Gw-Request-Id"); id == "" || id == token {
			t.Errorf("the answer's id is %q", id)
		}
	})
}
