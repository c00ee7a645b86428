package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tally counts exchanges and collects what went wrong.
type tally struct {
	t    *testing.T
	seed uint64

	mu       sync.Mutex
	counts   map[string]map[string]int // by kind, by status
	problems int
	over     bool // the test has ended
}

func newTally(t *testing.T, seed uint64) *tally {
	y := &tally{t: t, seed: seed, counts: make(map[string]map[string]int)}
	t.Cleanup(func() {
		y.mu.Lock()
		y.over = true
		y.mu.Unlock()
	})
	return y
}

// shown bounds what a run that goes badly wrong prints.
const shown = 30

// ended counts an exchange.
func (y *tally) ended(p *plan, o *outcome) {
	what := fmt.Sprint(o.status)
	switch {
	case o.left:
		what = "left"
	case o.none != nil:
		what = "no answer"
	case o.broken != nil:
		what += " broken"
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	of := y.counts[p.Kind]
	if of == nil {
		of = make(map[string]int)
		y.counts[p.Kind] = of
	}
	of[what]++
}

// failed reports an exchange that did not go as it must.
func (y *tally) failed(p *plan, format string, args ...any) {
	y.problem("%s, exchange %d of seed %d (rerun: -seed %d -id %d): %s\n\tplan %s",
		p.Kind, p.ID, y.seed, y.seed, p.ID, fmt.Sprintf(format, args...), p.header())
}

func (y *tally) problem(format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.over {
		return
	}
	if y.problems++; y.problems <= shown {
		y.t.Errorf(format, args...)
	}
}

// hopeless says that going on would show nothing new.
func (y *tally) hopeless() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.problems >= shown
}

// total is how many exchanges there were.
func (y *tally) total() (n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, of := range y.counts {
		for _, m := range of {
			n += m
		}
	}
	return n
}

// String is a line for each kind.
func (y *tally) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var b strings.Builder
	for i := range kinds {
		of := y.counts[kinds[i].name]
		fmt.Fprintf(&b, "%-18s", kinds[i].name)
		for _, what := range slices.Sorted(maps.Keys(of)) {
			fmt.Fprintf(&b, " %8d × %s", of[what], what)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%d problems", y.problems)
	return b.String()
}
