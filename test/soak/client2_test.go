package soak

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// client2 is a client that speaks HTTP/2. Its exchanges share a connection.
type client2 struct {
	to        *process
	transport *http.Transport

	mu    sync.Mutex
	conns []net.Conn // TCP, all it ever opened
	over  bool
}

func newClient2(to *process) *client2 {
	c := &client2{to: to}
	c.transport = &http.Transport{
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
		DisableCompression: true,
		Protocols:          new(http.Protocols),
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			below, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				c.opened(below)
			}
			return below, err
		},
	}
	c.transport.Protocols.SetHTTP2(to.secure)
	c.transport.Protocols.SetUnencryptedHTTP2(!to.secure)
	return c
}

// opened notes a connection. One that comes after its request was given up is
// closed at once.
func (c *client2) opened(below net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		below.Close()
	}
	c.conns = append(c.conns, below)
}

// reset closes all connections with a TCP reset.
func (c *client2) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for _, below := range c.conns {
		below.(*net.TCPConn).SetLinger(0)
		below.Close()
	}
}

func (c *client2) do(p *plan) (o outcome) {
	if p.Leave == "reset" { // takes a connection along, so it has one of its own
		c = newClient2(c.to)
		defer c.reset()
	}
	ctx, cancel := context.WithCancel(context.Background())
	late := time.AfterFunc(patience, cancel)
	defer cancel()
	defer func() {
		if !late.Stop() {
			o.broken = errHung
		}
	}()
	req, err := http.NewRequestWithContext(ctx, p.Method, fmt.Sprintf("%s/%s/%d", c.to.url(), p.Route, p.ID), nil)
	if err != nil {
		return outcome{none: err}
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("X-Plan", p.header())
	if p.Session != "" {
		req.Header.Set(sessionKey, p.Session)
	}
	req.Header["User-Agent"] = nil
	if p.Up > 0 {
		req.Body = io.NopCloser(p.upload().reader(p.Up))
		if p.When == "sending" {
			req.Body = io.NopCloser(io.MultiReader(p.upload().reader(p.LeaveAt), failing{}))
		}
		req.ContentLength = p.Up
		if p.UpChunked {
			req.ContentLength = -1
		}
	}
	if p.When == "waiting" {
		time.AfterFunc(time.Duration(p.rand(3).IntN(50))*time.Millisecond, cancel)
	}
	o.moves = func() {
		if late.Stop() {
			late.Reset(patience)
		}
	}
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		o.none, o.left = err, p.When == "waiting" || p.When == "sending"
		return o
	}
	defer res.Body.Close()
	o.receive(p, res)
	return o
}

// failing is the rest of an upload whose client leaves.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errLeft }

var errLeft = errors.New("the client leaves")

func (to *process) url() string {
	if to.secure {
		return "https://" + to.address
	}
	return "http://" + to.address
}
