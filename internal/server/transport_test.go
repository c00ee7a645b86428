package server

import "testing"

// transport is a way in which a client speaks to the gateway.
type transport struct {
	name   string
	secure bool
	http2  bool
}

var (
	inClear      = transport{name: "HTTP/1.1"}
	overTLS      = transport{name: "HTTP/1.1 over TLS", secure: true}
	http2TLS     = transport{name: "HTTP/2", secure: true, http2: true}
	http2Clear   = transport{name: "HTTP/2 in clear", http2: true}
	transports   = []transport{inClear, overTLS, http2TLS, http2Clear}
	http1Alone   = []transport{inClear, overTLS}
	http2Alone   = []transport{http2TLS, http2Clear}
	anyWouldDo   = []transport{inClear}
	clearOrHTTP2 = []transport{inClear, http2TLS}
)

// over runs a test once for each transport. No goroutine may be left behind.
func over(t *testing.T, ways []transport, test func(t *testing.T, via transport)) {
	t.Helper()
	for _, via := range ways {
		t.Run(via.name, func(t *testing.T) {
			noGoroutineIsLeft(t)
			test(t, via)
		})
	}
}

// overAtOnce is over for tests that mostly wait: the transports wait together.
func overAtOnce(t *testing.T, ways []transport, test func(t *testing.T, via transport)) {
	t.Helper()
	noGoroutineIsLeft(t)
	t.Run("over", func(t *testing.T) {
		for _, via := range ways {
			t.Run(via.name, func(t *testing.T) {
				t.Parallel()
				test(t, via)
			})
		}
	})
}
