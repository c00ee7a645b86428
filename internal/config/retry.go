package config

import "regexp"

// connectError is a failure without an answer: nothing of the request was sent.
const connectError = "connect_error"

// retry is what is retried, and after what wait.
type retry struct {
	origin
	maxAttempts   number
	on            list[trigger]
	onUncertain   boolean
	backoff       backoff
	respectAfter  boolean
	maxAfterMS    number
	maxReplayBody number
}

// trigger is a failure after which another attempt may follow.
type trigger struct{ text }

// backoff is the wait before another attempt with the same key.
type backoff struct {
	origin
	initialMS, maxMS number
	jitter           ratio
}

func (t *retry) fields() []field {
	on := listOf(&t.on, func(t *trigger) value { return t })
	if !t.on.given {
		t.on.items = []trigger{{text{v: connectError}}, {text{v: "429"}}, {text{v: "503"}}, {text{v: "529"}}}
	}
	return []field{
		{"max_attempts", t.maxAttempts.or(1), optional,
			"All attempts together; 1: no retry."},
		{"on", on, optional,
			"connect_error (nothing was sent) and statuses that came back. 500, 502, 504 or 408 may have run: list them only if that is acceptable. Absent: connect_error, 429, 503, 529."},
		{"on_uncertain", t.onUncertain.or(false), optional,
			"Also when a request was sent and no answer came: it may have run, and be paid for, twice."},
		{"backoff", sub(&t.backoff), optional,
			"The wait before the same upstream and key are used again; it doubles. Another one is used at once."},
		{"respect_retry_after", t.respectAfter.or(true), optional,
			"Wait as long as Retry-After asks, if that is longer."},
		{"max_retry_after_ms", t.maxAfterMS.or(60_000).zeroToo(), optional,
			"Asked to wait longer, the client gets the answer at once."},
		{"max_replay_body_bytes", t.maxReplayBody.or(10 << 20).zeroToo(), optional,
			"How much of a body is kept to send it again; a request with a larger one is retried only if none of it was sent."},
	}
}

func (b *backoff) fields() []field {
	return []field{
		{"initial_ms", b.initialMS.or(500).zeroToo(), optional, "Before the first retry."},
		{"max_ms", b.maxMS.or(5000).zeroToo(), optional, "It grows no longer than this."},
		{"jitter", b.jitter.or(0.2), optional, "The part of it that is random, 0 to 1."},
	}
}

var failureStatus = regexp.MustCompile(`^[45][0-9][0-9]$`)

func (t *retry) check(r *report) {
	seen := map[string]int{}
	for i := range t.on.items {
		on := &t.on.items[i]
		if on.bad {
			continue
		}
		first, again := seen[on.v]
		switch {
		case on.v != connectError && !failureStatus.MatchString(on.v):
			r.problem(&on.origin, "must be %s or a status from 400 to 599", connectError)
		case again:
			r.problem(&on.origin, "is on[%d] too", first)
		default:
			seen[on.v] = i
		}
	}
	if b := &t.backoff; b.initialMS.given && b.maxMS.given && !b.initialMS.bad && !b.maxMS.bad && b.initialMS.v > b.maxMS.v {
		r.problem(&b.maxMS.origin, "must not be less than initial_ms")
	}
}

func (t *retry) build() Retry {
	out := Retry{
		MaxAttempts:       t.maxAttempts.v,
		OnUncertain:       t.onUncertain.v,
		Backoff:           t.backoff.build(),
		RespectRetryAfter: t.respectAfter.v,
		MaxRetryAfter:     t.maxAfterMS.ms(),
		MaxReplayBody:     int64(t.maxReplayBody.v),
	}
	for i := range t.on.items {
		out.On = append(out.On, t.on.items[i].v)
	}
	return out
}

// build lets a default follow the other of the two where it would contradict it.
func (b *backoff) build() Backoff {
	out := Backoff{Initial: b.initialMS.ms(), Max: b.maxMS.ms(), Jitter: b.jitter.v}
	if b.maxMS.given {
		out.Initial = min(out.Initial, out.Max)
	} else {
		out.Max = max(out.Initial, out.Max)
	}
	return out
}
