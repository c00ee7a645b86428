package server

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/wire"
)

// http2Entry is Go's HTTP/2 server, fed with connections that turned out to
// speak it: by ALPN over TLS, or with prior knowledge in clear. Its limits
// bound floods of resets, settings, pings and continuation frames.
type http2Entry struct {
	server   *http.Server
	feed     *feedListener
	here     *headcount // of the server; each connection is in it
	heads    firstHeads
	inFlight atomic.Int64
}

// What one HTTP/2 connection may ask for.
const (
	maxStreams      = 250
	maxHeaderBytes  = 2 * wire.MaxRequestHead // a head between the two gets a bare 431; a larger one Go's own, or is broken off
	maxHeaderLines  = wire.MaxFields
	streamWindow    = 256 << 10 // request body bytes in memory per stream
	connectionQuota = 16 << 20  // and per connection
)

func newHTTP2Entry(s *Server) *http2Entry {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	e := &http2Entry{feed: newFeedListener(), here: &s.here}
	e.server = &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP2),
		Protocols:         &protocols,
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: s.patience.head,
		IdleTimeout:       s.patience.idle,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerStream:     streamWindow,
			MaxReceiveBufferPerConnection: connectionQuota,
			WriteByteTimeout:              s.patience.write,
		},
		ConnState:                    e.connState,
		ErrorLog:                     log.New(io.Discard, "", 0),
		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * by itself
	}
	go e.server.Serve(e.feed)
	return e
}

// serve hands a connection over and returns at once. By the deadline its first
// head must have come.
func (e *http2Entry) serve(c net.Conn, deadline time.Time) {
	e.here.come()
	e.heads.expect(c, deadline)
	if !e.feed.put(c) {
		e.heads.forget(c)
		e.here.leave()
	}
}

func (e *http2Entry) connState(c net.Conn, s http.ConnState) {
	e.heads.note(c, s)
	if s == http.StateClosed {
		e.here.leave()
	}
}

// startDrain closes idle connections and tells every other client with GOAWAY
// to go elsewhere.
func (e *http2Entry) startDrain() {
	go e.server.Shutdown(context.Background())
}

// close ends the entry, and breaks off what is left on its connections. It may
// be called again.
func (e *http2Entry) close() { e.server.Close() }

// serveHTTP2 adapts one HTTP/2 exchange to the gateway.
func (s *Server) serveHTTP2(w http.ResponseWriter, r *http.Request) {
	defer s.surviveStream()
	s.here.come()
	defer s.here.leave()
	s.http2.inFlight.Add(1)
	defer s.http2.inFlight.Add(-1)
	d := newHTTP2(s, w, r)
	if status := d.readHead(); status != 0 {
		w.Header()["Date"] = nil
		w.Header()["Content-Type"] = nil
		w.WriteHeader(status)
		return
	}
	defer d.release()
	s.serveExchange(d)
	if d.aborted.Load() {
		panic(http.ErrAbortHandler)
	}
}
