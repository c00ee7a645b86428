package limit

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestSlotsOfOneNameAreTheSame(t *testing.T) {
	var r Registry
	a := r.Slots("route openai")
	if r.Slots("route openai") != a {
		t.Error("a second configuration counts elsewhere")
	}
	if r.Slots("route anthropic") == a {
		t.Error("two names share a count")
	}
}

// An exchange of an old configuration holds its Slots; the next configuration
// that has the name must see the slot in use.
func TestSlotInUseOutlivesItsConfiguration(t *testing.T) {
	var r Registry
	held := r.Slots("route openai")
	if !held.Acquire(1) {
		t.Fatal("refused the first slot")
	}
	runtime.GC()
	runtime.GC()
	if r.Slots("route openai").Acquire(1) {
		t.Error("the reload forgot a slot in use")
	}
	held.Release()
}

func TestNamesThatNobodyUsesCostNothing(t *testing.T) {
	var r Registry
	kept := r.Slots("kept")
	for i := range 1000 {
		r.Slots("gone " + strconv.Itoa(i))
	}
	names := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.slots)
	}
	// Cleanups run in a goroutine of the runtime's, some time after the cycle.
	for deadline := time.Now().Add(10 * time.Second); names() > 1; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("%d names left, want the one in use", names())
		}
	}
	if r.Slots("kept") != kept {
		t.Error("the one in use was dropped")
	}
}

// The cleanup of a Slots that is gone may come when another has its name.
func TestLateCleanupForgetsNobodyElse(t *testing.T) {
	var r Registry
	s := r.Slots("route openai")
	r.forget("route openai")
	if r.Slots("route openai") != s {
		t.Error("one name, two counts")
	}
}

func TestRegistryIsSafeForConcurrentUse(t *testing.T) {
	var r Registry
	var wg sync.WaitGroup
	got := make([]*Slots, 16)
	for i := range got {
		wg.Go(func() {
			r.Slots("mine " + strconv.Itoa(i))
			got[i] = r.Slots("shared")
		})
	}
	wg.Wait()
	for _, s := range got {
		if s != got[0] {
			t.Fatal("one name, two counts")
		}
	}
}
