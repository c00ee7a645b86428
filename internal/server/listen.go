package server

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"ai-gw-lite/internal/config"
)

// keepAlive finds dead peers.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4}

// Listen opens the gateway's port.
func Listen(address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	return lc.Listen(context.Background(), "tcp", address)
}

// notListening places a port that could not be opened at the field that names it.
func notListening(c *config.Config, err error) config.Problem {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // the address is named below
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	wayOut := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		wayOut = "; stop the program that has it, or choose another port"
	case errors.Is(err, syscall.EACCES):
		wayOut = "; a port below 1024 is for the privileged (on Linux CAP_NET_BIND_SERVICE), choose another one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		wayOut = "; no interface of this machine has this address"
	}
	return c.Problem("listen", "%s cannot be listened on: %v%s", c.Listen, err, wayOut)
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
