//go:build !linux

package wire

// awaitHangUp cannot look past what lies unread here: the end shows when it is
// read.
func (c *Conn) awaitHangUp() bool { return false }

// HasHungUp does not tell here: an end shows when it is read.
func (c *Conn) HasHungUp() bool { return false }

// IsReset does not tell here either.
func (c *Conn) IsReset() bool { return false }
