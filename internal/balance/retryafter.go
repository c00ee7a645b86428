package balance

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads how long an answer asks to wait: retry-after-ms, which
// OpenAI and Azure send and their SDKs read first, else Retry-After as seconds,
// fractions too, or as a date (RFC 9110 section 10.2.3). ok is false when
// neither says anything readable.
func RetryAfter(ms, after string, now time.Time) (wait time.Duration, ok bool) {
	if n, ok := number(ms); ok {
		return scale(n, time.Millisecond), true
	}
	if n, ok := number(after); ok {
		return scale(n, time.Second), true
	}
	if at, err := http.ParseTime(strings.TrimSpace(after)); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

func number(s string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return n, err == nil && n >= 0 && !math.IsInf(n, 0) && !math.IsNaN(n)
}

func scale(n float64, unit time.Duration) time.Duration {
	if n > float64(math.MaxInt64/int64(unit)) {
		return math.MaxInt64
	}
	return time.Duration(n * float64(unit))
}

// Backoff is the wait before another attempt on the same key: initial before the
// first (n is 1), doubled for each further one up to limit, then spread by a
// part jitter to either side. roll is a random number in [0,1).
func Backoff(n int, initial, limit time.Duration, jitter, roll float64) time.Duration {
	d := min(initial, limit)
	for ; n > 1 && 0 < d && d < limit; n-- {
		d += min(d, limit-d)
	}
	return time.Duration(float64(d) * (1 + jitter*(2*roll-1)))
}
