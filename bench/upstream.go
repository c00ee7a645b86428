package main

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// upstream is the simulated provider: HTTP/1.1 over bare sockets, as cheap as
// it can be made, so that the proxy in front is what is measured. It insists
// on HTTP/1.1, the provider's key and a path without the prefix.
//
//	POST /v1/chat/completions      1.2 KB of JSON
//	     ?events=N&pace_us=P       N SSE events, one every P µs, or as fast as it goes;
//	     &step=1                   at the same moments as all other such streams
//	GET  /v1/hold                  one SSE event, then silence
//	GET  /v1/silent                nothing at all
//	GET  /v1/download?bytes=N      N bytes
//	POST /v1/upload                swallows the body, answers its length
type upstream struct {
	loop *loop
	fd   int
	addr netip.AddrPort

	conns    map[*upstreamConn]struct{}
	accepted int                // connections since the last closeAll
	requests int                // accepted requests since then
	received int64              // bytes of their bodies
	silent   int                // requests to /v1/silent that are waiting
	closed   func(waiting bool) // if set, told of each connection that its peer closed; waiting: in the middle of an answer
}

func startUpstream(l *loop) (*upstream, error) {
	fd, addr, err := listen()
	if err != nil {
		return nil, fmt.Errorf("start upstream: %w", err)
	}
	u := &upstream{loop: l, fd: fd, addr: addr, conns: map[*upstreamConn]struct{}{}}
	return u, l.add(fd, u, syscall.EPOLLIN)
}

func (u *upstream) close() {
	u.closeAll()
	u.loop.remove(u.fd)
	syscall.Close(u.fd)
}

// closeAll drops every connection, between two measurements.
func (u *upstream) closeAll() {
	for c := range u.conns {
		c.close()
	}
	u.accepted, u.requests, u.received, u.silent = 0, 0, 0, 0
}

// ready accepts what has arrived.
func (u *upstream) ready(uint32) {
	for range 64 {
		fd, _, err := syscall.Accept4(u.fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err == syscall.EAGAIN || err == syscall.ECONNABORTED {
			return
		}
		if err != nil {
			u.loop.fail(fmt.Errorf("upstream: accept: %w", err))
			return
		}
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		c := &upstreamConn{up: u, fd: fd}
		c.tick.fire = c.paced
		u.conns[c] = struct{}{}
		u.accepted++
		if err := u.loop.add(fd, c, syscall.EPOLLIN); err != nil {
			u.loop.fail(err)
		}
	}
}

// streamTarget is the target of a stream of events; without a pace, as fast as
// it goes.
func streamTarget(events int, pace time.Duration, inStep bool) string {
	target := fmt.Sprintf("%s?events=%d&pace_us=%d", pathChat, events, pace.Microseconds())
	if inStep {
		target += "&step=1"
	}
	return target
}
