package server

import (
	"testing"

	"ai-gw-lite/internal/config"
)

// Whatever the gateway refuses says so in one header, its own endpoints too.
func TestRefusalOfTheOperatorsEndpointsCarriesItsCode(t *testing.T) {
	c := newConfig("http://127.0.0.1:1")
	c.Admin = config.Admin{Enabled: true, Token: "for-admins", PathPrefix: "/admin"}
	s := openOperatedSite(t, c, new(Operator))
	for _, row := range []struct {
		token  string
		status int
		code   string
	}{
		{"for-others", 401, "unauthorized"},
		{"for-admins", 404, "not_found"},
	} {
		conn := (&rig{t: t, addr: s.addr()}).dial()
		conn.send("GET /admin/nothing HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + row.token + "\r\n\r\n")
		a := conn.answer("GET")
		if want := `{"error":"` + row.code + `"}`; a.status != row.status || a.body != want || a.header.Get("X-Gw-Error") != row.code || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("with the token %s: got %d %q, %v", row.token, a.status, a.body, a.header)
		}
		conn.Close()
	}
}
