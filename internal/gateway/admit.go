package gateway

// admit takes a downstream slot. Nobody queues. The slot is held until the last
// of the answer goes out, or until account.
func (x *exchange) admit() error {
	if !x.gw.downstream.Acquire(x.snap.maxDownstream) {
		x.giveBack()
		return &errDownstreamExceeded
	}
	x.admitted = true
	return nil
}
