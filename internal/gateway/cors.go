package gateway

import (
	"bytes"
	"strings"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/wire"
)

// corsPolicy says which browsers' pages may read answers.
type corsPolicy struct {
	any     bool              // "*" is configured
	origins map[string][]byte // lower case: "https://app.example", the value being the same
	hosts   map[string]bool   // lower case: "app.example[:port]", of any scheme

	allowMethods, allowHeaders, exposeHeaders []byte // empty: none configured
}

func compileCORS(c *config.CORS, sources []tokenSource) *corsPolicy {
	p := &corsPolicy{origins: make(map[string][]byte), hosts: make(map[string]bool)}
	for _, o := range c.AllowOrigins {
		o = strings.ToLower(o)
		switch {
		case o == "*":
			p.any = true
		case strings.Contains(o, "://"):
			p.origins[o] = []byte(o)
		default:
			p.hosts[o] = true
		}
	}
	p.allowMethods = []byte(strings.Join(c.AllowMethods, ", "))
	p.exposeHeaders = []byte(strings.Join(c.ExposeHeaders, ", "))
	if len(c.AllowHeaders) > 0 { // no API call works without a content type and a token
		list := append([]string{}, c.AllowHeaders...)
		list = addName(list, "content-type")
		for _, s := range sources {
			list = addName(list, s.header)
		}
		p.allowHeaders = []byte(strings.Join(list, ", "))
	}
	return p
}

func addName(list []string, name string) []string {
	for _, l := range list {
		if strings.EqualFold(l, name) {
			return list
		}
	}
	return append(list, name)
}

// look returns an origin as sent, in memory that outlives the request's head,
// and whether its pages may read answers.
func (p *corsPolicy) look(origin []byte) (kept []byte, allowed bool) {
	if kept := p.origins[string(origin)]; kept != nil { // browsers write it in lower case
		return kept, true
	}
	return bytes.Clone(origin), p.any || p.allows(strings.ToLower(string(origin)))
}

func (p *corsPolicy) allows(origin string) bool {
	if p.origins[origin] != nil {
		return true
	}
	_, host, ok := strings.Cut(origin, "://")
	return ok && p.hosts[host]
}

// corsReply is what CORS adds to every answer of one exchange. The zero value
// adds nothing.
type corsReply struct {
	policy  *corsPolicy
	origin  []byte // as sent; nil: none
	allowed bool
}

// reply reads the request's origin. A nil policy replies with nothing.
func (p *corsPolicy) reply(req *wire.RequestHead) corsReply {
	if p == nil {
		return corsReply{}
	}
	r := corsReply{policy: p}
	for i := range req.Fields {
		if f := &req.Fields[i]; f.Known == wire.Origin {
			r.origin, r.allowed = p.look(f.Value)
		}
	}
	return r
}

// What is added to every answer is made once.
var (
	allowOriginHeader = []byte("Access-Control-Allow-Origin")
	exposeHeader      = []byte("Access-Control-Expose-Headers")
	varyHeader        = []byte("Vary")
	originName        = []byte("Origin")
	anyOrigin         = []byte("*")
)

// apply adds the CORS lines to an answer.
func (c *corsReply) apply(res *Response) {
	p := c.policy
	if p == nil {
		return
	}
	if c.allowed {
		res.addBytes(allowOriginHeader, c.allowOrigin())
		if len(p.exposeHeaders) > 0 {
			res.addBytes(exposeHeader, p.exposeHeaders)
		}
	}
	if !p.any {
		res.addBytes(varyHeader, originName)
	}
}

// allowOrigin is the Access-Control-Allow-Origin of an allowed origin.
func (c *corsReply) allowOrigin() []byte {
	if c.policy.any {
		return anyOrigin
	}
	return c.origin
}

// checkOrigin answers a preflight, which carries no token.
func (x *exchange) checkOrigin() error {
	c := &x.cors
	if c.policy == nil || c.origin == nil || string(x.req.Method) != "OPTIONS" {
		return nil
	}
	method, headers := x.asked()
	if method == nil {
		return nil
	}
	if !c.allowed {
		return &errOriginNotAllowed
	}
	return x.answerPreflight(method, headers)
}

// asked is the method and the headers that a preflight asks for.
func (x *exchange) asked() (method, headers []byte) {
	var lines [][]byte // a list may come in several (RFC 9110 section 5.3)
	for i := range x.req.Fields {
		switch f := &x.req.Fields[i]; f.Known {
		case wire.AccessControlRequestMethod:
			method = f.Value
		case wire.AccessControlRequestHeaders:
			if len(f.Value) > 0 {
				lines = append(lines, f.Value)
			}
		}
	}
	return method, bytes.Join(lines, []byte(", "))
}

func (x *exchange) answerPreflight(method, headers []byte) error {
	p, res := x.cors.policy, &x.response
	*res = Response{Status: 204, Reason: reasonOf(204), Refusal: true, Fields: res.Fields[:0]}
	add := func(name string, value []byte) {
		if len(value) > 0 {
			res.addBytes([]byte(name), value)
		}
	}
	if len(p.allowMethods) > 0 {
		method = p.allowMethods
	}
	if len(p.allowHeaders) > 0 {
		headers = p.allowHeaders
	}
	add("Access-Control-Allow-Origin", x.cors.allowOrigin())
	add("Access-Control-Allow-Methods", method)
	add("Access-Control-Allow-Headers", headers)
	add("Access-Control-Max-Age", []byte("600"))
	add("Vary", []byte("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"))
	x.sign(res)
	x.outcome.Status = 204
	x.answeredAt(time.Now())
	x.answered = true
	if err := x.down.Respond(res, &wire.Piece{Last: true}); err != nil {
		return x.clientBroke(err)
	}
	return errAnswered
}
