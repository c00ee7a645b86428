package limit

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// monrovia has minutes that do not begin with those of UTC.
var monrovia = time.FixedZone("Monrovia before 1972", -(44*60 + 30))

// take asks n times and returns how many were counted.
func take(w *Windows, at time.Time, token, route string, perMinute, n int) (counted int) {
	for range n {
		if _, ok := w.Take(at, token, route, perMinute); ok {
			counted++
		}
	}
	return counted
}

func TestWindowCountsExactlyUnderConcurrency(t *testing.T) {
	const limit, workers, each = 1000, 16, 200
	w := NewWindows()
	var counted atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { counted.Add(int64(take(w, noon, "t", "r", limit, each))) })
	}
	wg.Wait()
	if counted.Load() != limit {
		t.Errorf("%d of %d counted, want exactly %d", counted.Load(), workers*each, limit)
	}
}

func TestWindowStaysExactWhilePlacesComeBack(t *testing.T) {
	const limit, workers, each = 50, 16, 500
	w := NewWindows()
	var kept atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range each {
				place, ok := w.Take(noon, "t", "r", limit)
				switch {
				case ok && i%2 == 0:
					place.GiveBack()
				case ok:
					kept.Add(1)
				}
			}
		})
	}
	wg.Wait()
	kept.Add(int64(take(w, noon, "t", "r", limit, limit)))
	if kept.Load() != limit {
		t.Errorf("%d places kept, want exactly %d", kept.Load(), limit)
	}
}

func TestWindowIsTheMinuteOfUTC(t *testing.T) {
	for _, zone := range []*time.Location{time.UTC, monrovia} {
		w := NewWindows()
		if n := take(w, noon.Add(59999*time.Millisecond).In(zone), "t", "r", 2, 3); n != 2 {
			t.Fatalf("%v: %d counted, want 2", zone, n)
		}
		if n := take(w, noon.Add(time.Minute).In(zone), "t", "r", 2, 3); n != 2 {
			t.Errorf("%v: %d counted in the next minute, want 2", zone, n)
		}
	}
}

func TestPlaceGoesBackToTheWindowItCameFrom(t *testing.T) {
	w := NewWindows()
	place, _ := w.Take(noon, "t", "r", 1)
	place.GiveBack()
	place, ok := w.Take(noon, "t", "r", 1)
	if !ok {
		t.Fatal("a place given back was not free again")
	}

	next := noon.Add(time.Minute)
	if n := take(w, next, "t", "r", 3, 2); n != 2 {
		t.Fatalf("%d counted in the new minute, want 2", n)
	}
	place.GiveBack() // the minute has turned: not for the new window
	if n := take(w, next, "t", "r", 3, 5); n != 1 {
		t.Errorf("%d more counted in the new minute, want 1", n)
	}
}

func TestGivingBackTwiceCountsOnce(t *testing.T) {
	w := NewWindows()
	place, _ := w.Take(noon, "t", "r", 2)
	take(w, noon, "t", "r", 2, 1)
	place.GiveBack()
	place.GiveBack()
	if n := take(w, noon, "t", "r", 2, 5); n != 1 {
		t.Errorf("%d places came back, want 1", n)
	}
}

func TestPairsDoNotCollide(t *testing.T) {
	w := NewWindows()
	both := strings.Repeat("x", 3*len(w.shards)) // so that some pairs share a shard
	for i := range both {
		if n := take(w, noon, both[:i], both[i:], 1, 2); n != 1 {
			t.Fatalf("token of %d and route of %d bytes: %d counted, want 1", i, len(both)-i, n)
		}
	}
}

// A token is often a part of a read buffer that is used again.
func TestTakeKeepsNoCallersBuffer(t *testing.T) {
	buffer := []byte("token")
	w := NewWindows()
	take(w, noon, unsafe.String(&buffer[0], len(buffer)), "r", 1, 1)
	copy(buffer, "other")
	if n := take(w, noon, "token", "r", 1, 1); n != 0 {
		t.Error("the count went with the buffer")
	}
}

// Machines without a battery for their clock wake up in 1970.
func TestFirstMinuteOf1970IsAWindowToo(t *testing.T) {
	w := NewWindows()
	if n := take(w, time.Unix(30, 0), "t", "r", 1, 2); n != 1 {
		t.Errorf("%d counted, want 1", n)
	}
	if got := RetryAfter(time.Unix(30, 0)); got != 30 {
		t.Errorf("retry after %d s, want 30", got)
	}
}

func TestClockThatGoesBackReopensNoWindow(t *testing.T) {
	for _, c := range []struct {
		name string
		back time.Duration
		want int // of 2, when 3 of 4 were counted before
	}{
		{"a request from just before the turn reopens nothing", time.Millisecond, 1},
		{"a minute back is still the newest window", time.Minute, 1},
		{"an hour back starts a window of its own", time.Hour, 2},
	} {
		w := NewWindows()
		take(w, noon, "t", "r", 4, 3)
		if n := take(w, noon.Add(-c.back), "t", "r", 4, 2); n != c.want {
			t.Errorf("%s: %d counted, want %d", c.name, n, c.want)
		}
	}
}

func TestChangedLimitAppliesAtOnce(t *testing.T) {
	w := NewWindows()
	take(w, noon, "t", "r", 5, 4)
	if n := take(w, noon, "t", "r", 3, 1); n != 0 {
		t.Error("a lowered limit let one in above it")
	}
	if n := take(w, noon, "t", "r", 6, 5); n != 2 {
		t.Errorf("%d counted after the limit was raised, want 2", n)
	}
}

func TestNoLimitCountsNothing(t *testing.T) {
	w := NewWindows()
	for _, none := range []int{0, -1} {
		place, ok := w.Take(noon, "t", "r", none)
		if !ok {
			t.Fatalf("refused with %d a minute, which means no limit", none)
		}
		place.GiveBack()
	}
	if n := counters(w); n != 0 {
		t.Errorf("%d counters without a limit", n)
	}
}

func TestCountersOfPastMinutesAreDropped(t *testing.T) {
	w := NewWindows()
	for minute := range 5 {
		for i := range 5000 {
			w.Take(noon.Add(time.Duration(minute)*time.Minute), "token "+strconv.Itoa(minute*5000+i), "r", 1)
		}
		if n := counters(w); n != 5000 {
			t.Fatalf("minute %d: %d counters, want the 5000 of this minute", minute, n)
		}
	}
}

func counters(w *Windows) (n int) {
	for i := range w.shards {
		n += len(w.shards[i].counters)
	}
	return n
}

func TestRetryAfterReachesTheNextMinute(t *testing.T) {
	for at, want := range map[time.Duration]int{
		0:                        60,
		time.Nanosecond:          60,
		time.Second:              59,
		29500 * time.Millisecond: 31,
		59 * time.Second:         1,
		time.Minute - 1:          1,
	} {
		got := RetryAfter(noon.Add(at))
		if got != want || RetryAfter(noon.Add(at).In(monrovia)) != want {
			t.Errorf("at %v: %d, want %d", at, got, want)
		}
		if after := noon.Add(at + time.Duration(got)*time.Second); after.Before(noon.Add(time.Minute)) {
			t.Errorf("at %v: %d s later it is still the same minute", at, got)
		}
	}
}

func TestWindowsAllocateNothingWithinAMinute(t *testing.T) {
	w := NewWindows()
	w.Take(noon, "t", "r", 1<<30)
	if n := testing.AllocsPerRun(100, func() {
		place, _ := w.Take(noon, "t", "r", 1<<30)
		place.GiveBack()
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkWindows(b *testing.B) {
	for _, tokens := range []int{1, 1000} {
		b.Run("tokens="+strconv.Itoa(tokens), func(b *testing.B) {
			b.ReportAllocs()
			w := NewWindows()
			names := make([]string, tokens)
			for i := range names {
				names[i] = "gw_0123456789abcdef0123456789abcdef" + strconv.Itoa(i)
				w.Take(noon, names[i], "openai", 1<<30)
			}
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					w.Take(noon, names[i%tokens], "openai", 1<<30)
				}
			})
		})
	}
}
