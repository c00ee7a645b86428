package gateway

// admit takes a downstream slot. Nobody queues. The slot is held until account.
func (x *exchange) admit() error {
	if !x.gw.downstream.Acquire(x.snap.maxDownstream) {
		x.giveBack()
		return &errDownstreamExceeded
	}
	x.admitted = true
	return nil
}

// choose takes a slot of the route's provider key, where there is a cap. It is
// held until account.
func (x *exchange) choose() error {
	r := x.route
	if r.slots == nil {
		return nil
	}
	if !r.slots.Acquire(r.maxSlots) {
		x.giveBack()
		return &errUpstreamExceeded
	}
	x.slot = r.slots
	return nil
}
