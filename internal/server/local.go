package server

import (
	"strconv"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/wire"
)

// serveLocal answers the gateway's own endpoints, which come before any route
// and /healthz needs no token. False says that the request is not for one of them.
func (s *Server) serveLocal(d gateway.Downstream) bool {
	req := d.Head()
	if string(req.Path) != "/healthz" {
		return s.operator.serve(d)
	}
	if m := string(req.Method); m != "GET" && m != "HEAD" {
		respondLocal(d, 405, "", wire.Field{Name: []byte("Allow"), Value: []byte("GET, HEAD")})
		return true
	}
	status, body := 200, `{"status":"ok"}`
	if s.stage.reached(announcing) {
		status, body = 503, `{"status":"draining"}`
	}
	respondLocal(d, status, body, jsonType)
	return true
}

// refuseLocal answers with an error in the shape of the gateway's refusals.
func refuseLocal(d gateway.Downstream, status int, code string, fields ...wire.Field) {
	fields = append(fields, jsonType, wire.Field{Name: []byte("X-Gw-Error"), Value: []byte(code)})
	respondLocal(d, status, `{"error":"`+code+`"}`, fields...)
}

func respondLocal(d gateway.Downstream, status int, body string, fields ...wire.Field) {
	fields = append(fields, wire.Field{Name: []byte("Content-Length"), Value: strconv.AppendInt(nil, int64(len(body)), 10), Known: wire.ContentLength})
	res := &gateway.Response{Status: status, Reason: []byte(wire.ReasonPhrase(status)), Fields: fields, Framing: wire.ByLength, Refusal: true}
	d.Respond(res, &wire.Piece{Data: [][]byte{[]byte(body)}, Last: true})
}
