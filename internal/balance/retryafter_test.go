package balance

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestRetryAfterIsReadInEveryForm(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		ms, after string
		want      time.Duration
		ok        bool
	}{
		{after: "7", want: 7 * time.Second, ok: true},
		{after: " 7 ", want: 7 * time.Second, ok: true},
		{after: "0", ok: true},
		{after: "1.5", want: 1500 * time.Millisecond, ok: true},
		{after: now.Add(90 * time.Second).Format(http.TimeFormat), want: 90 * time.Second, ok: true},
		{after: "Monday, 23-Nov-26 10:00:05 GMT", want: 5 * time.Second, ok: true},
		{after: "Mon Nov 23 10:00:05 2026", want: 5 * time.Second, ok: true},
		{after: now.Add(-time.Hour).Format(http.TimeFormat), ok: true}, // over: at once
		{ms: "250", want: 250 * time.Millisecond, ok: true},
		{ms: "250", after: "9", want: 250 * time.Millisecond, ok: true},
		{ms: "0.5", want: 500 * time.Microsecond, ok: true},
		{ms: "soon", after: "9", want: 9 * time.Second, ok: true},
		{ms: "-1", after: "9", want: 9 * time.Second, ok: true},
		{after: "99999999999999999999", want: math.MaxInt64, ok: true},
		{after: "10000000000", want: math.MaxInt64, ok: true}, // 317 years; a Duration ends at 292
		{ms: "1e300", want: math.MaxInt64, ok: true},
		{},
		{after: "soon"},
		{after: "-5"},
		{after: "NaN"},
		{after: "Inf"},
		{after: "7 seconds"},
		{after: "2026-11-23T10:00:05Z"},
	} {
		got, ok := RetryAfter(c.ms, c.after, now)
		if got != c.want || ok != c.ok {
			t.Errorf("retry-after-ms %q, Retry-After %q: %v %v, want %v %v", c.ms, c.after, got, ok, c.want, c.ok)
		}
	}
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	const initial, limit = 500 * time.Millisecond, 5 * time.Second
	for i, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, limit, limit} {
		if got := Backoff(i+1, initial, limit, 0, 0.5); got != want {
			t.Errorf("wait %d is %v, want %v", i+1, got, want)
		}
	}
	if got := Backoff(math.MaxInt, 0, limit, 0, 0.5); got != 0 {
		t.Errorf("nothing doubled is %v", got)
	}
	if got := Backoff(1000, initial, 1<<60, 0, 0.5); got != 1<<60 {
		t.Errorf("the thousandth wait is %v: it ran over", got)
	}
}

func TestJitterSpreadsToEitherSide(t *testing.T) {
	for roll, want := range map[float64]time.Duration{0: 800 * time.Millisecond, 0.5: time.Second, 0.75: 1100 * time.Millisecond} {
		if got := Backoff(1, time.Second, time.Minute, 0.2, roll); got != want {
			t.Errorf("a roll of %v waits %v, want %v", roll, got, want)
		}
	}
}
