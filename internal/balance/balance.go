// Package balance decides where an attempt goes: which upstream, which key of
// it, and how long what failed is not used. It knows names, weights and times; it
// reaches nothing and counts nothing but what it is told.
package balance

import "time"

// Strategy is how one of several equals is picked.
type Strategy uint8

const (
	WeightedRandom Strategy = iota
	RoundRobin              // smooth and weighted
	LeastInflight           // the fewest in flight for its weight; in turn where that is equal
)

// Option is an upstream, or a key of one, as the choice sees it.
type Option struct {
	Priority  int // lower is better
	Weight    int
	Inflight  int64         // for LeastInflight
	Turn      int64         // for RoundRobin and LeastInflight: see Turns
	CooledFor time.Duration // how long it is still cooled; 0: it is not
	Failed    int           // how often it failed for this very request
	Full      bool          // it has no slot left
}

// standing orders options by how willingly they are used.
type standing uint8

const (
	ready   standing = iota
	skipped          // cooled, or failed for this request
	full
)

func (o *Option) standing() standing {
	switch {
	case o.Full:
		return full
	case o.Failed > 0 || o.CooledFor > 0:
		return skipped
	}
	return ready
}

// Choose picks one of the options, or none (-1) when all are full. What is
// cooled, or failed for this request, is skipped while anything else is there;
// where all is skipped, what comes back soonest is used. roll is a random
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
	case skipped:
		return soonest(options)
	}
	return pick(s, options, priority, roll)
}

// soonest finds the skipped option to use if any must be.
func soonest(options []Option) int {
	found := -1
	for i := range options {
		if o := &options[i]; o.standing() == skipped && (found < 0 || o.isSooner(&options[found])) {
			found = i
		}
	}
	return found
}

// isSooner orders what is skipped. A key that failed with a 503, which cools nothing,
// is a better second choice than one that is cooled after a 401.
func (o *Option) isSooner(than *Option) bool {
	switch {
	case o.CooledFor != than.CooledFor:
		return o.CooledFor < than.CooledFor
	case o.Failed != than.Failed:
		return o.Failed < than.Failed
	}
	return o.Priority < than.Priority
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
		loadA, loadB := a.Inflight*int64(b.Weight), b.Inflight*int64(a.Weight)
		return loadA < loadB || loadA == loadB && a.isNext(b)
	case RoundRobin:
		return a.isNext(b)
	}
	return false
}

func (o *Option) isNext(than *Option) bool {
	return o.Turn+int64(o.Weight) > than.Turn+int64(than.Weight)
}

// Merge is how an upstream looks by its keys: as good as its best key, and
// never better than it is itself.
func Merge(self Option, keys []Option) Option {
	if len(keys) == 0 {
		return self
	}
	best := &keys[0]
	for i := range keys {
		if k := &keys[i]; k.standing() < best.standing() || k.standing() == best.standing() && k.isSooner(best) {
			best = k
		}
	}
	self.CooledFor = max(self.CooledFor, best.CooledFor)
	self.Failed = max(self.Failed, best.Failed)
	self.Full = self.Full || best.Full
	return self
}
