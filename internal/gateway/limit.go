package gateway

import "ai-gw-lite/internal/limit"

// limit takes a place in the minute window of this token and route. Steps that
// refuse after this one give it back; once forwarded, a request counts.
func (x *exchange) limit() error {
	if x.snap.perMinute == 0 {
		return nil
	}
	now := x.outcome.Start
	place, ok := x.gw.windows.Take(now, x.caller.id, x.route.id, x.snap.perMinute)
	if !ok {
		r := errRateLimited
		r.RetryAfter = limit.RetryAfter(now)
		return &r
	}
	x.place, x.placed = place, true
	return nil
}

// giveBack returns the place to the window it came from.
func (x *exchange) giveBack() {
	if x.placed {
		x.place.GiveBack()
		x.placed = false
	}
}
