package wire

import "golang.org/x/sys/unix"

// awaitHangUp blocks until the peer has closed or reset the connection (true)
// or until Interrupt (false), and reads nothing: what lies unread before the
// end is the peer's to wait for. It is woken by each arrival and looks past it.
func (c *Conn) awaitHangUp() bool {
	if c.raw == nil {
		return false
	}
	return c.raw.Read(func(fd uintptr) bool { return shows(fd, unix.POLLRDHUP) }) == nil
}

// HasHungUp reports, without a read and without waiting, that the peer has closed
// or reset the connection, though something lies unread before that. A close that
// is stuck at the peer, behind more than the socket takes, does not show. Any
// goroutine may ask.
func (c *Conn) HasHungUp() bool { return c.shows(unix.POLLRDHUP) }

// IsReset is HasHungUp for a peer that may close its side and still be there.
func (c *Conn) IsReset() bool { return c.shows(0) }

func (c *Conn) shows(event int16) (so bool) {
	if c.raw != nil {
		c.raw.Control(func(fd uintptr) { so = shows(fd, event) })
	}
	return so
}

// shows looks for an event, and for an error, which shows unasked (poll(2)).
func shows(fd uintptr, event int16) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: event}}
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return err == nil && n > 0
		}
	}
}
