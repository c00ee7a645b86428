package balance

import (
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

const ttl = 10 * time.Minute

func TestSessionStaysWhereItWasServed(t *testing.T) {
	var a Affinity
	now := time.Now()
	if got := a.Place("alice", now, ttl); got != "" {
		t.Errorf("an unknown session is at %q", got)
	}
	a.Pin("alice", "here", now, ttl)
	a.Pin("bob", "there", now, ttl)
	if got := a.Place("alice", now, ttl); got != "here" {
		t.Errorf("alice is at %q, want here", got)
	}
	a.Pin("alice", "there", now, ttl)
	if got := a.Place("alice", now, ttl); got != "there" {
		t.Errorf("alice, pinned anew, is at %q, want there", got)
	}
	if a.order.Len() != 2 {
		t.Errorf("%d sessions, want 2", a.order.Len())
	}
}

func TestSessionIsForgottenWhenNotSeenForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Affinity
		a.Pin("alice", "here", time.Now(), ttl)
		for range 5 { // each look keeps it
			time.Sleep(ttl - time.Second)
			if got := a.Place("alice", time.Now(), ttl); got != "here" {
				t.Fatalf("a session in use is at %q, want here", got)
			}
		}
		time.Sleep(ttl)
		if got := a.Place("alice", time.Now(), ttl); got != "" {
			t.Errorf("a session not seen for %v is at %q", ttl, got)
		}
		if a.order.Len() != 0 {
			t.Errorf("%d sessions still take memory", a.order.Len())
		}
	})
}

func TestSessionThatIsPinnedAnewStaysForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Affinity
		a.Pin("alice", "here", time.Now(), ttl)
		time.Sleep(ttl - time.Second)
		a.Pin("alice", "there", time.Now(), ttl)
		time.Sleep(ttl - time.Second)
		if got := a.Place("alice", time.Now(), ttl); got != "there" {
			t.Errorf("a session that has just moved is at %q, want there", got)
		}
	})
}

func TestOldSessionsGoWithoutBeingAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Affinity
		for i := range 1000 {
			a.Pin(strconv.Itoa(i), "here", time.Now(), ttl)
		}
		time.Sleep(ttl)
		for i := range 500 {
			a.Pin("new "+strconv.Itoa(i), "here", time.Now(), ttl)
		}
		if a.order.Len() != 500 {
			t.Errorf("%d sessions are remembered, want the new ones alone", a.order.Len())
		}
	})
}

func TestSessionsAreBoundedAndTheLeastRecentGoesFirst(t *testing.T) {
	var a Affinity
	now := time.Now()
	for i := range maxSessions {
		a.Pin(strconv.Itoa(i), "here", now, ttl)
	}
	a.Place("0", now, ttl) // seen again: 1 is the oldest now
	for i := range 10 {
		a.Pin("more "+strconv.Itoa(i), "here", now, ttl)
	}
	if a.order.Len() != maxSessions || len(a.sessions) != maxSessions {
		t.Errorf("%d sessions, %d in the index, want %d", a.order.Len(), len(a.sessions), maxSessions)
	}
	for id, want := range map[string]string{"0": "here", "1": "", "10": "", "11": "here", "more 9": "here"} {
		if got := a.Place(id, now, ttl); got != want {
			t.Errorf("session %s is at %q, want %q", id, got, want)
		}
	}
}

// A client may send any value: megabytes of them must not stay.
func TestSessionTakesLittleMemoryHoweverLongItsName(t *testing.T) {
	var a Affinity
	now := time.Now()
	before := heap()
	const n = 200
	for i := range n {
		name := make([]byte, 64<<10)
		copy(name, strconv.Itoa(i))
		a.Pin(string(name), "here", now, ttl)
	}
	if each := (heap() - before) / n; each > 1<<10 {
		t.Errorf("a session takes %d bytes", each)
	}
	runtime.KeepAlive(&a)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
