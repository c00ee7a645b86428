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

func hasHungUp(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	for {
		n, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return err == nil && n > 0 // an error and a full close show unasked
		}
	}
}
