package limit

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestSlotsNeverAdmitsMoreThanTheCap(t *testing.T) {
	const max, workers, rounds = 7, 32, 2000
	var s Slots
	var inside, most, admitted atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				if !s.Acquire(max) {
					continue
				}
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				admitted.Add(1)
				inside.Add(-1)
				s.Release()
			}
		})
	}
	wg.Wait()
	if most.Load() > max {
		t.Errorf("%d were in at once, the cap is %d", most.Load(), max)
	}
	if admitted.Load() == 0 {
		t.Error("nobody was admitted")
	}
	if n := s.InUse(); n != 0 {
		t.Errorf("%d in use after all have left", n)
	}
}

// Whoever fits is admitted, whatever refused callers do at the same time.
func TestSlotsAreNotTakenByTheRefused(t *testing.T) {
	const max, workers = 100, 200
	var s Slots
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			if s.Acquire(max) {
				admitted.Add(1)
			}
		})
	}
	wg.Wait()
	if admitted.Load() != max || s.InUse() != max {
		t.Errorf("admitted %d, in use %d, want exactly %d", admitted.Load(), s.InUse(), max)
	}
}

func TestLoweredCapAdmitsNobodyUntilUsageIsBelowIt(t *testing.T) {
	var s Slots
	for range 5 {
		if !s.Acquire(5) {
			t.Fatal("refused below the cap")
		}
	}
	for in := 5; in >= 2; in-- {
		if s.Acquire(2) {
			t.Fatalf("admitted with %d in use and a cap of 2", in)
		}
		s.Release()
	}
	if !s.Acquire(2) {
		t.Error("refused with 1 in use and a cap of 2")
	}
	if !s.Acquire(3) {
		t.Error("refused after the cap was raised to 3")
	}
}

func TestSlotsWithoutACapAreCounted(t *testing.T) {
	var s Slots
	for _, max := range []int{0, -1} {
		if !s.Acquire(max) {
			t.Fatalf("refused with max %d, which means no cap", max)
		}
	}
	if s.Acquire(2) {
		t.Error("a cap that came later does not know of those already in")
	}
	if n := s.InUse(); n != 2 {
		t.Errorf("%d in use, want 2", n)
	}
}

func TestReleaseWithoutAcquirePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a count below zero went unnoticed")
		}
	}()
	new(Slots).Release()
}

func TestSlotsAllocateNothing(t *testing.T) {
	var s Slots
	if n := testing.AllocsPerRun(100, func() { s.Acquire(1); s.Release() }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkSlots(b *testing.B) {
	b.ReportAllocs()
	var s Slots
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if s.Acquire(1 << 20) {
				s.Release()
			}
		}
	})
}
