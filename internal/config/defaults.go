package config

import "time"

// What a file that says nothing of these things gets.

func defaultBalancing() Balancing { return Balancing{Strategy: "weighted_random"} }

func defaultRetry() Retry {
	return Retry{
		MaxAttempts:       1,
		On:                []string{"connect_error", "429", "503", "529"},
		Backoff:           Backoff{Initial: 500 * time.Millisecond, Max: 5 * time.Second, Jitter: 0.2},
		RespectRetryAfter: true,
		MaxRetryAfter:     time.Minute,
		MaxReplayBody:     10 << 20,
	}
}

func defaultCooldown() Cooldown {
	return Cooldown{
		After: map[string]CooldownRule{
			"429":           {RetryAfter: true},
			"401":           {For: 300 * time.Second},
			"402":           {For: 900 * time.Second},
			"529":           {For: 30 * time.Second},
			"connect_error": {For: 10 * time.Second},
		},
		Max: 900 * time.Second,
	}
}

func defaultStream() Stream { return Stream{DrainMax: 30 * time.Second} }
