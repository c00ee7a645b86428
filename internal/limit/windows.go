package limit

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// Windows counts requests per token and route in fixed windows: the minutes of
// UTC. It is safe for use by several goroutines.
//
// Fixed windows cost one number a pair and are easy to explain ("120 a minute,
// and it starts anew on the minute"); the trade is that a caller may send twice
// the limit within the seconds around the turn of a minute.
//
// Memory is bounded by the pairs seen in one minute: the first request of a new
// minute drops the counters of the old one, shard by shard.
type Windows struct {
	seed   maphash.Seed
	shards [64]shard
}

// shard is the part of the counters that shares a lock.
type shard struct {
	mu       sync.Mutex
	minute   int64 // since 1970, the window that counters belong to
	counters map[pair]*counter
	_        [40]byte // fills the cache line, see Slots
}

// pair is a struct and not a joined string, so that no token and route can add
// up to those of somebody else.
type pair struct{ token, route string }

// counter is one pair's requests in one window. It is never used for a second
// window: a Place given back late finds its own counter, which nobody reads.
type counter struct{ n int }

// NewWindows returns Windows in which nothing has been counted yet.
func NewWindows() *Windows { return &Windows{seed: maphash.MakeSeed()} }

// Take counts one request of the token on the route, unless perMinute or more
// are counted in the minute of now, and reports whether it did. It holds a lock
// for the time of a map lookup and allocates only for the first request of a
// pair in a minute. The strings are copied where they are kept. With
// perMinute <= 0 there is no limit and nothing is counted.
//
// A clock that goes back within the minute before counts in the newest window,
// so that requests racing the turn of a minute reopen nothing. One that was set
// back further starts a window where it is now: the alternative would refuse a
// token until the clock has caught up.
func (w *Windows) Take(now time.Time, token, route string, perMinute int) (Place, bool) {
	if perMinute <= 0 {
		return Place{}, true
	}
	s := w.shard(token)
	s.mu.Lock()
	defer s.mu.Unlock()

	minute := now.Unix() / 60
	if s.counters == nil || minute > s.minute || minute < s.minute-1 {
		s.minute = minute
		s.counters = make(map[pair]*counter)
	}
	c := s.counters[pair{token, route}]
	if c == nil {
		c = new(counter)
		s.counters[pair{strings.Clone(token), strings.Clone(route)}] = c
	}
	if c.n >= perMinute {
		return Place{}, false
	}
	c.n++
	return Place{s, c}, true
}

func (w *Windows) shard(token string) *shard {
	return &w.shards[maphash.String(w.seed, token)%uint64(len(w.shards))]
}

// Place is a request counted in a window. The zero Place is counted nowhere.
// It has one owner and is not for use by several goroutines.
type Place struct {
	shard   *shard
	counter *counter
}

// GiveBack takes the request out of the window it was counted in; when the
// minute has turned since, the new window is left as it is. Giving back a
// second time does nothing.
func (p *Place) GiveBack() {
	if p.counter == nil {
		return
	}
	p.shard.mu.Lock()
	p.counter.n--
	p.shard.mu.Unlock()
	*p = Place{}
}

// RetryAfter is the number of whole seconds, 1 to 60, after which the next
// minute has begun: the value of a Retry-After header (RFC 9110, 10.2.3).
func RetryAfter(now time.Time) int { return 60 - now.UTC().Second() }
