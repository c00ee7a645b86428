package main

import "fmt"

// tally counts a workload's requests. Each must have come to the upstream once
// and have been answered once, or the figures are of something else than what
// was asked for.
type tally struct {
	sent, answered int
	closing        bool // nothing more is to be sent
}

// settle lets what is under way come to its end and compares the counts.
func (b *bench) settle(y *tally) error {
	y.closing = true
	err := b.loop.runUntil(func() bool { return y.answered == y.sent }, within)
	if err == errTooSlow {
		return fmt.Errorf("%d of %d requests are still unanswered after %s", y.sent-y.answered, y.sent, within)
	}
	if err != nil {
		return err
	}
	if b.upstream.requests != y.sent {
		return fmt.Errorf("%d requests became %d at the upstream", y.sent, b.upstream.requests)
	}
	return nil
}
