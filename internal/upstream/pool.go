package upstream

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	maxIdle     = 512              // idle connections kept per endpoint
	idleTimeout = 90 * time.Second // how long one is kept
)

// Pool keeps the idle connections to one endpoint, the youngest used first.
// It bounds what is idle, not what is in use: that is what slots are for.
type Pool struct {
	endpoint *Endpoint
	dialer   *Dialer

	mu     sync.Mutex
	idle   []*Conn // oldest first
	sweep  *time.Timer
	closed bool
}

// NewPool makes the pool of an endpoint. It opens nothing.
func NewPool(d *Dialer, e *Endpoint) *Pool {
	return &Pool{endpoint: e, dialer: d}
}

// Idle takes an idle connection, or returns nil. Its peer may have closed it
// meanwhile: the caller looks, with Converse or IsStale, and comes again. It
// does not block.
func (p *Pool) Idle() *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	c.Reused = true
	return c
}

// Dial opens a new connection. It blocks until the context's deadline at most.
//
// Dialling goes deep, and a goroutine keeps the stack it once needed. On one of
// its own it leaves the caller's small: 4 KiB less for each stream that is open.
func (p *Pool) Dial(ctx context.Context) (*Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	dialed := make(chan result, 1)
	go func() {
		nc, err := p.dialer.Dial(ctx, p.endpoint)
		dialed <- result{nc, err}
	}()
	r := <-dialed
	if r.err != nil {
		return nil, r.err
	}
	return newConn(p, r.conn), nil
}

// put takes back a connection on which an exchange ended cleanly.
func (p *Pool) put(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle {
		c.Close()
		return
	}
	c.idleSince = time.Now()
	p.idle = append(p.idle, c)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(idleTimeout, p.expire)
	}
}

// expire closes what has been idle for too long and comes again for the rest.
func (p *Pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	n := 0
	for n < len(p.idle) && now.Sub(p.idle[n].idleSince) >= idleTimeout {
		p.idle[n].Close()
		n++
	}
	rest := copy(p.idle, p.idle[n:])
	clear(p.idle[rest:])
	p.idle = p.idle[:rest]
	if p.sweep = nil; rest > 0 {
		p.sweep = time.AfterFunc(idleTimeout-now.Sub(p.idle[0].idleSince), p.expire)
	}
}

// Close closes the idle connections; those in use are closed when they come back.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.Close()
	}
	p.idle = nil
	if p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
}
