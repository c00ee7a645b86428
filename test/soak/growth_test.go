package soak

import (
	"slices"
	"time"
)

// settledDescriptors is how many descriptors the gateways have open together,
// once no client is connected any more.
func settledDescriptors(gateways []*process) int {
	least, since := countDescriptors(gateways), time.Now()
	for time.Since(since) < time.Second {
		if n := countDescriptors(gateways); n < least {
			least, since = n, time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return least
}

func countDescriptors(gateways []*process) (n int) {
	for _, g := range gateways {
		n += g.countDescriptors()
	}
	return n
}

// checkDescriptors finds what the gateways hold beyond their connections to
// the provider, which they may keep for later.
func checkDescriptors(y *tally, gateways []*process, u *provider, before int) {
	if before < 0 {
		return // the system does not tell
	}
	var now, kept int
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if now, kept = countDescriptors(gateways), u.open(); now <= before+kept {
			return
		}
	}
	y.problem("%d descriptors are open, %d of them idle connections to the provider; in the beginning it was %d", now, kept, before)
}

// memoryWatch samples the gateways' memory while the load lasts.
type memoryWatch struct {
	gateways []*process
	samples  [][]int // MiB, by gateway
	done     chan struct{}
	stopped  chan struct{}
}

func watchMemory(gateways []*process) *memoryWatch {
	w := &memoryWatch{gateways: gateways, samples: make([][]int, len(gateways)), done: make(chan struct{}), stopped: make(chan struct{})}
	go func() {
		defer close(w.stopped)
		tick := time.NewTicker(max(*length/400, 50*time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-tick.C:
			}
			for i, g := range gateways {
				w.samples[i] = append(w.samples[i], g.memory())
			}
		}
	}()
	return w
}

// stop compares the last quarter with the second: by then a load like this
// needs no more than it did.
func (w *memoryWatch) stop(y *tally) {
	close(w.done)
	<-w.stopped
	for i, s := range w.samples {
		if len(s) < 40 || s[0] < 0 {
			continue
		}
		n := len(s)
		early, late := slices.Max(s[n/4:n/2]), slices.Max(s[3*n/4:])
		y.t.Logf("gateway %d: %d MiB in the second quarter, %d MiB in the last", i, early, late)
		if late > early+early/4+32 {
			y.problem("memory grows: %d MiB at most in the second quarter of the load, %d MiB in the last", early, late)
		}
	}
}
