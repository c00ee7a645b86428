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

// Reporter tells the one who asked for an upgrade how it goes: nobody, here. A
// nil one may be used.
type Reporter struct{}

// Report finds nobody.
func Report() *Reporter { return nil }

// Failed tells nobody.
func (r *Reporter) Failed(error) {}

// Serving tells nobody.
func (r *Reporter) Serving(int) {}

// Draining tells nobody.
func (r *Reporter) Draining(int) {}

// Broken tells nobody.
func (r *Reporter) Broken(int) {}

// Upgrade asks a process for an upgrade.
type Upgrade struct {
	PID                       int
	Serving, Draining, Broken func(int)
}

// Run fails.
func (u Upgrade) Run() error { return ErrNoUpgrade }
