package balance

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRestEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Rest
		if left := r.Left(time.Now()); left != 0 {
			t.Fatalf("rests for %v before anything failed", left)
		}
		r.Cool(time.Now(), time.Minute)
		time.Sleep(59 * time.Second)
		if left := r.Left(time.Now()); left != time.Second {
			t.Errorf("rests for %v, want 1s", left)
		}
		time.Sleep(time.Second)
		if left := r.Left(time.Now()); left != 0 {
			t.Errorf("still rests for %v", left)
		}
	})
}

func TestRestIsProlongedAndNeverCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Rest
		r.Cool(time.Now(), time.Minute)
		r.Cool(time.Now(), time.Second)
		if left := r.Left(time.Now()); left != time.Minute {
			t.Errorf("rests for %v, want 1m", left)
		}
		r.Cool(time.Now(), time.Hour)
		if left := r.Left(time.Now()); left != time.Hour {
			t.Errorf("rests for %v, want 1h", left)
		}
	})
}

func TestBeginningsAndEndsOfARestAlternate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Rest
		if !r.Cool(time.Now(), time.Second) {
			t.Error("the first rest does not begin")
		}
		if r.Cool(time.Now(), 2*time.Second) {
			t.Error("a rest begins within a rest")
		}
		time.Sleep(time.Second)
		if left := r.End(time.Now()); left != time.Second {
			t.Errorf("a prolonged rest ends with %v left, want 1s", left)
		}
		time.Sleep(time.Second)
		// Its time is over, but nobody has noticed: it goes on.
		if r.Cool(time.Now(), time.Second) {
			t.Error("a rest begins although the last one did not end")
		}
		time.Sleep(time.Second)
		if left := r.End(time.Now()); left != 0 {
			t.Errorf("does not end: %v left", left)
		}
		if !r.Cool(time.Now(), time.Second) {
			t.Error("no rest begins after the last one ended")
		}
	})
}

// NTP and suspended laptops set the wall clock; a time without its monotonic
// part is what a jump of it would look like.
func TestSettingTheClockDoesNotProlongARest(t *testing.T) {
	var r Rest
	now := time.Now()
	r.Cool(now, time.Minute)
	if got, want := r.until.Sub(now), time.Minute; got != want {
		t.Fatalf("rests for %v, want %v", got, want)
	}
	if r.until.String() == r.until.Round(0).String() {
		t.Error("the rest's end is kept without a monotonic reading")
	}
}
