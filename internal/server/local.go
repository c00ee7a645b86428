package server

import (
	"strconv"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/wire"
)

// serveLocal answers the gateway's own endpoints, which come before any route
// and /healthz needs no token. False says that the request is not for one of them.
func (s *Server) serveLocal(d gateway.Downstream) bool {
	l := local{d, s.gateway}
	if string(d.Head().Path) != "/healthz" {
		return s.operator.serve(l)
	}
	if !l.isRead() {
		return true
	}
	status, body := 200, `{"status":"ok"}`
	if s.stage.reached(announcing) {
		status, body = 503, `{"status":"draining"}`
	}
	l.respond(status, body, jsonType)
	return true
}

// local is a request that the gateway answers itself, without an exchange.
type local struct {
	gateway.Downstream
	gateway *gateway.Gateway
}

var jsonType = wire.Field{Name: []byte("Content-Type"), Value: []byte("application/json")}

// isRead lets GET and HEAD through, and answers all others.
func (l local) isRead() bool {
	switch string(l.Head().Method) {
	case "GET", "HEAD":
		return true
	}
	l.respond(405, "", wire.Field{Name: []byte("Allow"), Value: []byte("GET, HEAD")})
	return false
}

// refuse answers with an error in the shape of the gateway's refusals.
func (l local) refuse(status int, code string, fields ...wire.Field) {
	fields = append(fields, jsonType, wire.Field{Name: []byte("X-Gw-Error"), Value: []byte(code)})
	l.respond(status, `{"error":"`+code+`"}`, fields...)
}

func (l local) respond(status int, body string, fields ...wire.Field) {
	fields = append(fields, wire.Field{Name: []byte("Content-Length"), Value: strconv.AppendInt(nil, int64(len(body)), 10), Known: wire.ContentLength})
	res := &gateway.Response{Status: status, Reason: []byte(wire.ReasonPhrase(status)), Fields: fields, Framing: wire.ByLength, Refusal: true}
	l.gateway.Sign(res, l.Head())
	l.Respond(res, &wire.Piece{Data: [][]byte{[]byte(body)}, Last: true})
}
