package balance

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCooldownEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Cooldown
		if left := c.Left(time.Now()); left != 0 {
			t.Fatalf("cooled for %v before anything failed", left)
		}
		c.Cool(time.Now(), time.Minute)
		time.Sleep(59 * time.Second)
		if left := c.Left(time.Now()); left != time.Second {
			t.Errorf("cooled for %v, want 1s", left)
		}
		time.Sleep(time.Second)
		if left := c.Left(time.Now()); left != 0 {
			t.Errorf("still cooled for %v", left)
		}
	})
}

func TestCooldownIsProlongedAndNeverCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Cooldown
		c.Cool(time.Now(), time.Minute)
		c.Cool(time.Now(), time.Second)
		if left := c.Left(time.Now()); left != time.Minute {
			t.Errorf("cooled for %v, want 1m", left)
		}
		c.Cool(time.Now(), time.Hour)
		if left := c.Left(time.Now()); left != time.Hour {
			t.Errorf("cooled for %v, want 1h", left)
		}
	})
}

func TestBeginningsAndEndsOfACooldownAlternate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Cooldown
		if !c.Cool(time.Now(), time.Second) {
			t.Error("the first cooldown does not begin")
		}
		if c.Cool(time.Now(), 2*time.Second) {
			t.Error("a cooldown begins within another")
		}
		time.Sleep(time.Second)
		if left := c.End(time.Now()); left != time.Second {
			t.Errorf("a prolonged cooldown ends with %v left, want 1s", left)
		}
		time.Sleep(time.Second)
		// Its time is over, but nobody has noticed: it goes on.
		if c.Cool(time.Now(), time.Second) {
			t.Error("a cooldown begins although the last one did not end")
		}
		time.Sleep(time.Second)
		if left := c.End(time.Now()); left != 0 {
			t.Errorf("does not end: %v left", left)
		}
		if !c.Cool(time.Now(), time.Second) {
			t.Error("no cooldown begins after the last one ended")
		}
	})
}

// NTP and suspended laptops set the wall clock; a time without its monotonic
// part is what a jump of it would look like.
func TestSettingTheClockDoesNotProlongACooldown(t *testing.T) {
	var c Cooldown
	now := time.Now()
	c.Cool(now, time.Minute)
	if got, want := c.until.Sub(now), time.Minute; got != want {
		t.Fatalf("cooled for %v, want %v", got, want)
	}
	if c.until.String() == c.until.Round(0).String() {
		t.Error("the cooldown's end is kept without a monotonic reading")
	}
}
