package process

import (
	"context"
	"errors"
	"net"
)

// Inheritance is what a process has from the one before it: nothing, here.
type Inheritance struct{}

// Inherit finds nothing.
func Inherit() (*Inheritance, error) { return nil, nil }

// Take finds nothing.
func (i *Inheritance) Take(address string) net.Listener { return nil }

// Ready has nobody to tell.
func (i *Inheritance) Ready() error { return nil }

// Successor is a process that serves in this one's place.
type Successor struct {
	PID   int
	Ended <-chan error
}

// ErrNoUpgrade says that this system cannot do it.
var ErrNoUpgrade = errors.New("Windows cannot hand a listening socket down: stop the old process, then start the new one")

// Start fails.
func Start(context.Context, string, net.Listener, string) (*Successor, error) {
	return nil, ErrNoUpgrade
}

// Reporter has nobody to tell.
type Reporter struct{}

func Report() *Reporter          { return nil }
func (r *Reporter) Failed(error) {}
func (r *Reporter) Serving(int)  {}
func (r *Reporter) Draining(int) {}
func (r *Reporter) Broken(int)   {}

// Upgrade asks a process for an upgrade.
type Upgrade struct {
	PID                       int
	Serving, Draining, Broken func(int)
}

// Run fails.
func (u Upgrade) Run() error { return ErrNoUpgrade }
