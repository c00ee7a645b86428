package balance

// Turns moves the turns of smooth weighted round robin on after a choice: each
// option that was ready gains its weight, the chosen one pays for all. (It is
// the algorithm of nginx's upstreams.) turns is the caller's to keep, one for
// each option, and to guard.
func Turns(options []Option, turns []int64, chosen int) {
	var total int64
	for i := range options {
		if o := &options[i]; o.standing() == ready && o.Priority == options[chosen].Priority {
			turns[i] += int64(o.Weight)
			total += int64(o.Weight)
		}
	}
	turns[chosen] -= total
}
