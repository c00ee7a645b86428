package soak

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// holding is the kind of a request whose answer is held back until the
// provider lets go of it.
const holding = "hold"

// probeSlots fills all slots there are and finds that one more is refused:
// every slot was given back, and none twice.
func probeSlots(g *process, u *provider, y *tally) {
	for _, route := range allRoutes() {
		h := &holder{g: g, u: u, y: y}
		u.hold()
		n, all := capacity(route)
		free := h.take(route, n)
		if free && all {
			h.refused(route, "upstream_concurrency_exceeded")
		}
		h.end()
		if !free {
			return // each would take as long to find out
		}
	}
	h := &holder{g: g, u: u, y: y}
	u.hold()
	left := maxDownstream
	for _, route := range allRoutes() {
		n, _ := capacity(route)
		n = min(n, left)
		if !h.take(route, n) {
			break
		}
		left -= n
	}
	if left == 0 {
		h.refused(allRoutes()[0], "downstream_concurrency_exceeded")
	}
	h.end()
}

// holder holds answers.
type holder struct {
	g    *process
	u    *provider
	y    *tally
	held []*client1
}

// take takes slots of a route. The load's last may need a moment to come back.
func (h *holder) take(route string, n int) bool {
	for end := time.Now().Add(patience); n > 0; {
		o := h.one(route)
		switch {
		case o.status == http.StatusOK:
			n--
		case o.status != http.StatusServiceUnavailable || time.Now().After(end):
			h.y.problem("route %s: %d slots more should be free, but: %s", route, n, o)
			return false
		}
	}
	return true
}

func (h *holder) refused(route, code string) {
	if o := h.one(route); o.status != http.StatusServiceUnavailable || o.code != code {
		h.y.problem("route %s: one request too many was not refused with %s: %s", route, code, o)
	}
}

// one begins a request that is held.
func (h *holder) one(route string) *outcome {
	p := &plan{Kind: holding, Method: "GET", Route: route}
	o := new(outcome)
	c := &client1{to: h.g}
	if o.none = c.dial(); o.none != nil {
		return o
	}
	c.conn.SetDeadline(time.Now().Add(2 * patience))
	io.WriteString(c.conn, c.head(p))
	var res *http.Response
	if res, o.none = c.response(p); o.none != nil {
		c.drop()
		return o
	}
	if o.status = res.StatusCode; res.StatusCode != http.StatusOK {
		o.refusal(res)
		c.drop()
		return o
	}
	c.held = res.Body
	h.held = append(h.held, c)
	return o
}

// end lets go of all and sees them end well.
func (h *holder) end() {
	h.u.letGo()
	for _, c := range h.held {
		if b, err := io.ReadAll(c.held); string(b) != "ok" || err != nil {
			h.y.problem("an answer that was held ended with %q, %v", b, err)
		}
		c.drop()
	}
}

// hold has answers to come held back.
func (u *provider) hold() {
	u.mu.Lock()
	u.release = make(chan struct{})
	u.mu.Unlock()
}

func (u *provider) letGo() { close(u.release) }

// hold sends the beginning of an answer, and its end when it may.
func (c *upstreamConn) hold() bool {
	c.u.mu.Lock()
	release := c.u.release
	c.u.mu.Unlock()
	fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 2\r\n\r\no")
	<-release
	_, err := io.WriteString(c, "k")
	return err == nil
}
