package server

import (
	"context"
	"net"
	"time"
)

// keepAlive finds dead peers.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4}

// Listen opens the gateway's port.
func Listen(address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	return lc.Listen(context.Background(), "tcp", address)
}

// Adopt makes a port that another process has opened like one of Listen's.
func Adopt(ln net.Listener) net.Listener {
	if t, ok := ln.(*net.TCPListener); ok {
		return adopted{t}
	}
	return ln
}

// adopted sets what a listener passes on to its connections, and cannot be told
// any more.
type adopted struct{ *net.TCPListener }

func (a adopted) Accept() (net.Conn, error) {
	c, err := a.AcceptTCP()
	if err != nil {
		return nil, err
	}
	c.SetKeepAliveConfig(keepAlive)
	return c, nil
}
