// Package balance decides where an attempt goes: which upstream, which key of
// it, and how long what failed rests. It knows names, weights and times; it
// reaches nothing and counts nothing but what it is told.
package balance

import "time"

// Strategy is how one of several equals is picked.
type Strategy uint8

const (
	WeightedRandom Strategy = iota
	RoundRobin              // smooth and weighted
	LeastInflight           // the fewest in flight for its weight
)

// Option is an upstream, or a key of one, as the choice sees it.
type Option struct {
	Priority int // lower is better
	Weight   int
	Inflight int64         // for LeastInflight
	Turn     int64         // for RoundRobin: see Turns
	Rests    time.Duration // how long it is still cooled; 0: it is not
	Failed   bool          // it failed for this very request
	Full     bool          // it has no slot left
}

// standing orders options by how willingly they are used.
type standing uint8

const (
	ready standing = iota
	cooled
	failed
	full
)

func (o *Option) standing() standing {
	switch {
	case o.Full:
		return full
	case o.Failed:
		return failed
	case o.Rests > 0:
		return cooled
	}
	return ready
}

// Choose picks one of the options, or none (-1) when all are full. What is
// cooled, or failed for this request, is skipped while anything else is there;
// among the cooled the one that comes back soonest is used. roll is a random
// number in [0,1), for WeightedRandom.
func Choose(s Strategy, options []Option, roll float64) int {
	best, priority := full, 0
	for i := range options {
		o := &options[i]
		if st := o.standing(); st < best || st == best && st == ready && o.Priority < priority {
			best, priority = st, o.Priority
		}
	}
	switch best {
	case full:
		return -1
	case ready:
		return pick(s, options, priority, roll)
	}
	return soonest(options, best)
}

// soonest finds the option of a standing that comes back first, the better
// priority where two come back together.
func soonest(options []Option, st standing) int {
	found := -1
	for i := range options {
		o := &options[i]
		if o.standing() != st {
			continue
		}
		if found < 0 || o.Rests < options[found].Rests || o.Rests == options[found].Rests && o.Priority < options[found].Priority {
			found = i
		}
	}
	return found
}

// pick applies the strategy to the ready options of a priority.
func pick(s Strategy, options []Option, priority int, roll float64) int {
	total, found := 0, -1
	for i := range options {
		o := &options[i]
		if o.standing() != ready || o.Priority != priority {
			continue
		}
		total += o.Weight
		if found < 0 || isBetter(s, o, &options[found]) {
			found = i
		}
	}
	if s != WeightedRandom {
		return found
	}
	at := int(roll * float64(total))
	for i := range options {
		o := &options[i]
		if o.standing() != ready || o.Priority != priority {
			continue
		}
		if at -= o.Weight; at < 0 {
			return i
		}
	}
	return found
}

func isBetter(s Strategy, a, b *Option) bool {
	switch s {
	case LeastInflight:
		return a.Inflight*int64(b.Weight) < b.Inflight*int64(a.Weight)
	case RoundRobin:
		return a.Turn+int64(a.Weight) > b.Turn+int64(b.Weight)
	}
	return false
}

// Merge is how an upstream looks by its keys: as good as its best key, and
// never better than it is itself.
func Merge(self Option, keys []Option) Option {
	if len(keys) == 0 {
		return self
	}
	best := -1
	for i := range keys {
		if best < 0 || keys[i].standing() < keys[best].standing() ||
			keys[i].standing() == keys[best].standing() && keys[i].Rests < keys[best].Rests {
			best = i
		}
	}
	k := &keys[best]
	self.Rests = max(self.Rests, k.Rests)
	self.Failed = self.Failed || k.Failed
	self.Full = self.Full || k.Full
	return self
}
