package server

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"sync/atomic"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/wire"
)

// Operator answers what an operator asks of the gateway over HTTP, each with a
// bearer token of its own. Which of it is open, and where, a configuration says.
type Operator struct {
	MetricsType string // Content-Type
	Metrics     func(w io.Writer, compressed bool) error
	StreamsType string
	Streams     func(w io.Writer) error

	open atomic.Pointer[endpoints]
}

// endpoints is what a configuration opens. An empty path is closed.
type endpoints struct {
	metrics, admin           string
	metricsToken, adminToken [sha256.Size]byte
}

func (o *Operator) configure(c *config.Config) {
	e := new(endpoints)
	if obs := c.Observability; obs != nil && obs.Metrics.Enabled {
		e.metrics, e.metricsToken = obs.Metrics.Path, sha256.Sum256([]byte(obs.Metrics.Token))
	}
	if c.Admin.Enabled {
		e.admin, e.adminToken = c.Admin.PathPrefix, sha256.Sum256([]byte(c.Admin.Token))
	}
	o.open.Store(e)
}

// serve answers a request for one of the endpoints. False says that it is not.
func (o *Operator) serve(l local) bool {
	if o == nil {
		return false
	}
	e := o.open.Load()
	if e == nil {
		return false
	}
	req := l.Head()
	switch {
	case e.metrics != "" && string(req.Path) == e.metrics:
		if l.isAllowed(e.metricsToken) {
			zip := accepts(req, "gzip")
			l.render(o.MetricsType, zip, func(w io.Writer) error { return o.Metrics(w, zip) })
		}
		return true
	case e.admin != "" && isBelow(req.Path, e.admin):
		if l.isAllowed(e.adminToken) {
			o.serveAdmin(l, string(req.Path[len(e.admin):]))
		}
		return true
	}
	return false
}

func (o *Operator) serveAdmin(l local, path string) {
	switch path {
	case "/api/streams":
		l.render(o.StreamsType, false, o.Streams)
	default:
		l.refuse(404, "not_found")
	}
}

// isBelow reports a path that is the prefix or goes on with a segment of its own.
func isBelow(path []byte, prefix string) bool {
	return bytes.HasPrefix(path, []byte(prefix)) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// isAllowed lets GET and HEAD with the endpoint's own token through, and
// answers all others.
func (l local) isAllowed(token [sha256.Size]byte) bool {
	sum := sha256.Sum256(bearerOf(l.Head()))
	if subtle.ConstantTimeCompare(sum[:], token[:]) != 1 {
		l.refuse(401, "unauthorized", wire.Field{Name: []byte("WWW-Authenticate"), Value: []byte("Bearer")})
		return false
	}
	return l.isRead()
}

// bearerOf is the request's bearer token, or nothing if it has none or two.
func bearerOf(req *wire.RequestHead) (token []byte) {
	const scheme = "bearer "
	for i := range req.Fields {
		f := &req.Fields[i]
		if f.Known != wire.Authorization {
			continue
		}
		if token != nil || !wire.HasPrefixFold(f.Value, scheme) {
			return nil
		}
		token = wire.TrimBlanks(f.Value[len(scheme):])
	}
	return token
}

func accepts(req *wire.RequestHead, coding string) bool {
	for i := range req.Fields {
		if f := &req.Fields[i]; wire.EqualFold(f.Name, "accept-encoding") && wire.HasElement(f.Value, coding) {
			return true
		}
	}
	return false
}

func (l local) render(contentType string, zipped bool, render func(io.Writer) error) {
	var b bytes.Buffer
	if err := render(&b); err != nil {
		l.respond(500, "")
		return
	}
	fields := []wire.Field{{Name: []byte("Content-Type"), Value: []byte(contentType)}}
	if zipped {
		fields = append(fields, wire.Field{Name: []byte("Content-Encoding"), Value: []byte("gzip")})
	}
	l.respond(200, b.String(), fields...)
}
