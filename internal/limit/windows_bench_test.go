package limit

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"
)

// clientNames are as the gateway has them: the SHA-256 of each token.
func clientNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		names[i] = string(sum[:])
	}
	return names
}

func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkWindowsFirst is the first request of each client in a minute: what it
// leaves in memory, and what the first request of the next minute takes to drop
// it, with the shard's lock held.
func BenchmarkWindowsFirst(b *testing.B) {
	for _, clients := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			names := clientNames(clients)
			var held float64
			var first, turn time.Duration
			for b.Loop() {
				w, before, start := NewWindows(), heap(), time.Now()
				for _, name := range names {
					w.Take(noon, name, "openai", 120)
				}
				first += time.Since(start)
				held = heap() - before
				one := oneOfEachShard(w, names)
				start = time.Now()
				for _, name := range one {
					w.Take(noon.Add(time.Minute), name, "openai", 120)
				}
				turn += time.Since(start) / time.Duration(len(one))
			}
			b.ReportMetric(0, "ns/op") // it is that of the heap's measuring
			b.ReportMetric(held/1e6, "MB")
			b.ReportMetric(held/float64(clients), "B/client")
			b.ReportMetric(float64(first.Nanoseconds())/float64(b.N)/float64(clients), "ns/first")
			b.ReportMetric(float64(turn.Nanoseconds())/float64(b.N), "ns/turn")
		})
	}
}

func oneOfEachShard(w *Windows, names []string) []string {
	found := make(map[*shard]string)
	for _, name := range names {
		found[w.shard(name)] = name
	}
	return slices.Collect(maps.Values(found))
}

// docs/limits.md says 150 bytes for a million. How full the maps are depends on
// the number.
func TestClientTakesLittleMemory(t *testing.T) {
	for _, clients := range []int{20_000, 40_000, 60_000} {
		names := clientNames(clients)
		w, before := NewWindows(), heap()
		for _, name := range names {
			w.Take(noon, name, "openai", 120)
		}
		held := heap() - before
		runtime.KeepAlive(names) // or their going would be counted against what is held
		if each := held / float64(clients); each > 200 {
			t.Errorf("%d clients: %.0f bytes each", clients, each)
		}
		if n := counters(w); n != clients {
			t.Errorf("%d counters for %d clients", n, clients)
		}
	}
}
