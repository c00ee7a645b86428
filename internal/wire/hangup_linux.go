package wire

import "golang.org/x/sys/unix"

// awaitHangUp blocks until the peer has closed or reset the connection (true)
// or until Interrupt (false), and reads nothing: what lies unread before the
// end is the peer's to wait for. It is woken by each arrival and looks past it.
func (c *Conn) awaitHangUp() bool {
	if c.raw == nil {
		return false
	}
	return c.raw.Read(hasHungUp) == nil
}

// HasHungUp reports, without a read and without waiting, that the peer has closed
// or reset the connection, though something lies unread before that. A close that
// is stuck at the peer, behind more than the socket takes, does not show. Any
// goroutine may ask.
func (c *Conn) HasHungUp() (hungUp bool) {
	if c.raw != nil {
		c.raw.Control(func(fd uintptr) { hungUp = hasHungUp(fd) })
	}
	return hungUp
}

// hasHungUp looks for the end of what the peer sends, and for an error, which
// shows unasked (poll(2)).
func hasHungUp(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return err == nil && n > 0
		}
	}
}
