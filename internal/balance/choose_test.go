package balance

import (
	"math"
	"testing"
	"time"
)

// rolls are evenly spread random numbers, for shares that can be counted.
func rolls(n int) []float64 {
	r := make([]float64, n)
	for i := range r {
		r[i] = (float64(i) + 0.5) / float64(n)
	}
	return r
}

func TestWeightedRandomSharesByWeight(t *testing.T) {
	options := []Option{{Weight: 3}, {Weight: 1}, {Weight: 6}}
	counts := make([]int, len(options))
	for _, roll := range rolls(1000) {
		counts[Choose(WeightedRandom, options, roll)]++
	}
	for i, want := range []int{300, 100, 600} {
		if counts[i] != want {
			t.Errorf("option %d with weight %d was picked %d times of 1000, want %d", i, options[i].Weight, counts[i], want)
		}
	}
}

func TestWeightsOfTheSkippedGoToTheOthers(t *testing.T) {
	options := []Option{{Weight: 3}, {Weight: 50, CooledFor: time.Second}, {Weight: 1}, {Weight: 50, Priority: 1}}
	counts := make([]int, len(options))
	for _, roll := range rolls(1000) {
		counts[Choose(WeightedRandom, options, roll)]++
	}
	for i, want := range []int{750, 0, 250, 0} {
		if counts[i] != want {
			t.Errorf("option %d was picked %d times of 1000, want %d", i, counts[i], want)
		}
	}
}

func TestEveryRollPicksSomething(t *testing.T) {
	options := []Option{{Weight: 1}, {Weight: 2}}
	for _, roll := range []float64{0, math.SmallestNonzeroFloat64, 1.0 / 3, math.Nextafter(1.0/3, 0), math.Nextafter(1, 0)} {
		if i := Choose(WeightedRandom, options, roll); i < 0 {
			t.Errorf("a roll of %v picked nothing", roll)
		}
	}
}

// The order that nginx documents for weights 5, 1 and 1.
func TestRoundRobinIsSmooth(t *testing.T) {
	options := []Option{{Weight: 5}, {Weight: 1}, {Weight: 1}}
	turns := make([]int64, len(options))
	order := ""
	for range 14 {
		for i := range options {
			options[i].Turn = turns[i]
		}
		chosen := Choose(RoundRobin, options, 0)
		Turns(options, turns, chosen)
		order += string(rune('a' + chosen))
	}
	if want := "aabacaa" + "aabacaa"; order != want {
		t.Errorf("went %s, want %s", order, want)
	}
}

func TestRoundRobinGoesOnAfterARestWithoutCatchingUp(t *testing.T) {
	options := []Option{{Weight: 1}, {Weight: 1}}
	turns := make([]int64, len(options))
	step := func() int {
		for i := range options {
			options[i].Turn = turns[i]
		}
		chosen := Choose(RoundRobin, options, 0)
		Turns(options, turns, chosen)
		return chosen
	}
	options[0].CooledFor = time.Minute
	for range 100 {
		if step() != 1 {
			t.Fatal("what is cooled was picked")
		}
	}
	options[0].CooledFor = 0
	counts := [2]int{}
	for range 10 {
		counts[step()]++
	}
	if counts != [2]int{5, 5} {
		t.Errorf("after the cooldown they were picked %v times, want 5 each", counts)
	}
}

func TestLeastInflightCountsByWeight(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []Option
		want    int
	}{
		{"fewest", []Option{{Weight: 1, Inflight: 3}, {Weight: 1, Inflight: 2}, {Weight: 1, Inflight: 4}}, 1},
		{"for its weight", []Option{{Weight: 1, Inflight: 2}, {Weight: 3, Inflight: 5}}, 1},
		{"idle beats any", []Option{{Weight: 100, Inflight: 1}, {Weight: 1}}, 1},
		{"better priority first", []Option{{Weight: 1, Inflight: 9}, {Weight: 1, Priority: 1}}, 0},
		{"skipped though idle", []Option{{Weight: 1, CooledFor: 1}, {Weight: 1, Inflight: 9}}, 1},
	} {
		if got := Choose(LeastInflight, c.options, 0); got != c.want {
			t.Errorf("%s: picked %d, want %d", c.name, got, c.want)
		}
	}
}

// With nothing in flight the first would get everything, and its rate limit be
// used up while the others idle.
func TestLeastInflightTakesTurnsWhereLoadIsEqual(t *testing.T) {
	options := []Option{{Weight: 2}, {Weight: 1}}
	turns := make([]int64, len(options))
	counts := [2]int{}
	for range 30 {
		for i := range options {
			options[i].Turn = turns[i]
		}
		chosen := Choose(LeastInflight, options, 0)
		Turns(options, turns, chosen)
		counts[chosen]++
	}
	if counts != [2]int{20, 10} {
		t.Errorf("picked %v times, want 20 and 10", counts)
	}
}

func TestReadyComesBeforeSkippedAndSkippedBeforeFull(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name    string
		options []Option
		want    int
	}{
		{"best priority", []Option{{Priority: 1, Weight: 1}, {Priority: 0, Weight: 1}}, 1},
		{"next priority when all of one are cooled", []Option{{Weight: 1, CooledFor: s}, {Weight: 1, CooledFor: s}, {Priority: 1, Weight: 1}}, 2},
		{"next priority when all of one failed", []Option{{Weight: 1, Failed: 1}, {Priority: 1, Weight: 1}}, 1},
		{"next priority when all of one are full", []Option{{Weight: 1, Full: true}, {Priority: 1, Weight: 1}}, 1},
		{"what failed is skipped", []Option{{Weight: 1, Failed: 1}, {Weight: 1}}, 1},
		{"what is full is skipped", []Option{{Weight: 1, Full: true}, {Weight: 1}}, 1},
		{"all cooled: soonest back", []Option{{Weight: 1, CooledFor: 3 * s}, {Weight: 1, CooledFor: s}, {Weight: 1, CooledFor: 2 * s}}, 1},
		{"all cooled: soonest back whatever the priority", []Option{{Weight: 1, CooledFor: 3 * s}, {Priority: 9, Weight: 1, CooledFor: s}}, 1},
		{"all cooled alike: better priority", []Option{{Priority: 1, Weight: 1, CooledFor: s}, {Weight: 1, CooledFor: s}}, 1},
		{"cooled rather than full", []Option{{Weight: 1, Full: true}, {Weight: 1, CooledFor: 9 * s}}, 1},
		{"failed rather than full", []Option{{Weight: 1, Full: true}, {Weight: 1, Failed: 1}}, 1},
		{"failed but not cooled rather than cooled", []Option{{Weight: 1, CooledFor: 300 * s}, {Weight: 1, Failed: 1}}, 1},
		{"cooled for less rather than failed and cooled", []Option{{Weight: 1, Failed: 1, CooledFor: 9 * s}, {Weight: 1, CooledFor: s}}, 1},
		{"failed less often", []Option{{Weight: 1, Failed: 2}, {Weight: 1, Failed: 1}}, 1},
		{"all full: none", []Option{{Weight: 1, Full: true}, {Weight: 1, Full: true, CooledFor: s}}, -1},
		{"no option: none", nil, -1},
	} {
		for _, strategy := range []Strategy{WeightedRandom, RoundRobin, LeastInflight} {
			if got := Choose(strategy, c.options, 0.99); got != c.want {
				t.Errorf("%s, strategy %d: picked %d, want %d", c.name, strategy, got, c.want)
			}
		}
	}
}

func TestUpstreamIsAsGoodAsItsBestKey(t *testing.T) {
	const s = time.Second
	self := Option{Priority: 2, Weight: 5, Turn: 7, Inflight: 3}
	with := func(cooled time.Duration, failed int, isFull bool) Option {
		o := self
		o.CooledFor, o.Failed, o.Full = cooled, failed, isFull
		return o
	}
	cooledSelf := self
	cooledSelf.CooledFor = 5 * s
	for _, c := range []struct {
		name string
		self Option
		keys []Option
		want Option
	}{
		{"no keys", self, nil, self},
		{"one is ready", self, []Option{{CooledFor: s}, {Full: true}, {}, {Failed: 1}}, with(0, 0, false)},
		{"all cooled", self, []Option{{CooledFor: 2 * s}, {CooledFor: s}}, with(s, 0, false)},
		{"one cooled, others full", self, []Option{{Full: true}, {CooledFor: s}}, with(s, 0, false)},
		{"all full", self, []Option{{Full: true}, {Full: true}}, with(0, 0, true)},
		{"all failed", self, []Option{{Failed: 2}, {Failed: 1}}, with(0, 1, false)},
		{"itself cooled, a key ready", cooledSelf, []Option{{}}, cooledSelf},
		{"itself cooled, all keys for longer", cooledSelf, []Option{{CooledFor: 9 * s}}, with(9*s, 0, false)},
	} {
		if got := Merge(c.self, c.keys); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
