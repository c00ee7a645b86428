package server

import (
	"errors"
	"log/slog"
	"net"
	"time"
)

// acceptAll hands each connection on, which must not block, until the listener
// is closed.
func acceptAll(ln net.Listener, log *slog.Logger, take func(net.Conn)) {
	var retry acceptBackoff
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			retry.reset()
			take(c)
		case !retry.wait(err, log):
			return
		}
	}
}

// acceptBackoff waits out accept errors that pass, such as a lack of file
// descriptors, without spinning and without flooding the log.
type acceptBackoff struct {
	delay  time.Duration
	logged time.Time
}

// wait blocks for a moment after a passing error; false says that the listener
// is closed.
func (b *acceptBackoff) wait(err error, log *slog.Logger) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	if b.delay = min(max(2*b.delay, 5*time.Millisecond), time.Second); time.Since(b.logged) > 10*time.Second {
		b.logged = time.Now()
		log.Error("accept failed, trying again", "cause", err)
	}
	time.Sleep(b.delay)
	return true
}

func (b *acceptBackoff) reset() { b.delay = 0 }
