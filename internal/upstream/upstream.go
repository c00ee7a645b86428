// Package upstream reaches an upstream: it dials, through an outbound proxy
// and TLS where the route says so, keeps idle connections for the next
// request, and speaks the client's half of HTTP/1.1 on them.
//
// It knows nothing of clients, gateway tokens or limits.
package upstream
