package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
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

// feedListener is a listener whose connections are put into it.
type feedListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newFeedListener() *feedListener {
	return &feedListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// put reports whether somebody has taken the connection; else it is closed.
func (l *feedListener) put(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.done:
		c.Close()
		return false
	}
}

var errFeedClosed = errors.New("server: HTTP/2 entry closed")

func (l *feedListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, errFeedClosed
	}
}

func (l *feedListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *feedListener) Addr() net.Addr { return &net.TCPAddr{} }

// replayedConn is a connection whose first bytes were read already.
type replayedConn struct {
	net.Conn
	start []byte
}

func (c *replayedConn) Read(p []byte) (int, error) {
	if len(c.start) > 0 {
		n := copy(p, c.start)
		c.start = c.start[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

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

// badLength finds a Content-Length that is not the body's (RFC 9113 section
// 8.1.1). Go's server lets it pass, and in HTTP/1.1 it would frame the request.
func badLength(r *http.Request) bool {
	values := r.Header["Content-Length"]
	return len(values) > 1 || len(values) == 1 && values[0] != strconv.FormatInt(r.ContentLength, 10)
}

// isTooLarge finds a head that HTTP/1.1 would have no room for.
func isTooLarge(r *http.Request) bool {
	size, lines := len(r.Method)+len(r.RequestURI), 0
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
		}
		lines += len(values)
	}
	return size > wire.MaxRequestHead || lines > maxHeaderLines
}

// badTarget finds what no request target may hold in HTTP/1.1 either.
func badTarget(target string) bool {
	return target == "" || target[0] != '/' || bytes.ContainsFunc([]byte(target), func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '#'
	})
}

// until is a deadline for a client, counted from now.
func until(d time.Duration) time.Time { return time.Now().Add(d) }
