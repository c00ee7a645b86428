package wire

import "golang.org/x/sys/unix"

// awaitHangUp blocks until the peer has closed or reset the connection (true)
// or until Interrupt (false), and reads nothing: what lies unread before the
// end is the peer's to wait for. It is woken by each arrival and looks past it.
func (c *Conn) awaitHangUp() bool {
	if c.raw == nil {
		return false
	}
	return c.raw.Read(func(fd uintptr) bool { return hasHungUp(fd, unix.POLLRDHUP) }) == nil
}

// IsReset reports, without a read and without waiting, that the peer has reset
// the connection. Any goroutine may ask.
func (c *Conn) IsReset() (reset bool) {
	if c.raw != nil {
		c.raw.Control(func(fd uintptr) { reset = hasHungUp(fd, 0) })
	}
	return reset
}

// hasHungUp looks for events, and for an error and a close of both directions,
// which show unasked (poll(2)).
func hasHungUp(fd uintptr, events int16) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return err == nil && n > 0
		}
	}
}
