package gateway

import (
	"errors"
	"strconv"

	"ai-gw-lite/internal/wire"
)

// Refusal is an answer that the gateway itself makes. The client reads Status
// and Code; the log reads Cause.
type Refusal struct {
	Status     int
	Code       string // empty: the bare status, as HTTP itself refuses
	RetryAfter int    // seconds; 0: none
	Cause      error  // never sent to a client
}

func (r *Refusal) Error() string {
	if r.Cause != nil {
		return r.Code + ": " + r.Cause.Error()
	}
	return r.Code
}

func (r *Refusal) Unwrap() error { return r.Cause }

// because is the refusal with a cause for the log.
func (r Refusal) because(cause error) *Refusal {
	r.Cause = cause
	return &r
}

// The codes that clients may meet, all of them.
var (
	errInvalidPath        = Refusal{Status: 400, Code: "invalid_path"}
	errUnauthorized       = Refusal{Status: 401, Code: "unauthorized"}
	errOriginNotAllowed   = Refusal{Status: 403, Code: "cors_origin_not_allowed"}
	errRouteNotFound      = Refusal{Status: 404, Code: "route_not_found"}
	errWebSocketDisabled  = Refusal{Status: 426, Code: "websocket_disabled"}
	errRateLimited        = Refusal{Status: 429, Code: "rate_limited"}
	errConnect            = Refusal{Status: 502, Code: "upstream_connect_error"}
	errRequestFailed      = Refusal{Status: 502, Code: "upstream_request_failed"}
	errDownstreamExceeded = Refusal{Status: 503, Code: "downstream_concurrency_exceeded", RetryAfter: 1, Cause: errors.New("as many requests are in flight as concurrency.downstream_max_inflight allows")}
	errUpstreamExceeded   = Refusal{Status: 503, Code: "upstream_concurrency_exceeded", RetryAfter: 1, Cause: errors.New("each key of the route has as many requests in flight as it may")}
	errTimeout            = Refusal{Status: 504, Code: "upstream_timeout"}
)

// errMalformedBody is a request body whose framing HTTP does not allow.
var errMalformedBody = Refusal{Status: 400}

// answer sends the refusal. The request's body is not waited for.
func (x *exchange) answer(r *Refusal) error {
	res := &x.response
	*res = Response{Status: r.Status, Reason: reasonOf(r.Status), Framing: wire.ByLength, Refusal: true, Fields: res.Fields[:0]}
	body := []byte(nil)
	if r.Code != "" {
		body = r.body(x.snap.nativeErrors, x.sdk)
		res.add("Content-Type", "application/json")
		res.add("X-Gw-Error", r.Code)
	}
	res.add("Content-Length", strconv.Itoa(len(body)))
	if r.Status == 401 {
		res.add("WWW-Authenticate", "Bearer")
	}
	if r.RetryAfter > 0 {
		res.add("Retry-After", strconv.Itoa(r.RetryAfter))
	}
	x.cors.apply(res)
	x.sign(res)
	err := x.down.Respond(res, &wire.Piece{Data: [][]byte{body}, Last: true})
	if err == nil && x.outcome.Method != "HEAD" {
		x.outcome.BytesOut += int64(len(body)) // a body like any other, though nobody reads along
	}
	return err
}

func reasonOf(status int) []byte { return []byte(wire.ReasonPhrase(status)) }
