package config

type rateLimit struct {
	origin
	perMinute number
}

func (l *rateLimit) fields() []field {
	return []field{
		{"per_minute", &l.perMinute, required,
			"Requests per UTC minute, counted per token and route."},
	}
}

type concurrency struct {
	origin
	downstream, perKey number
}

func (c *concurrency) fields() []field {
	return []field{
		{"downstream_max_inflight", &c.downstream, optional,
			"Requests in flight in the whole gateway."},
		{"upstream_per_key_max_inflight", &c.perKey, optional,
			"Requests in flight per route and provider key. Each upstream must then have keys, or inject authorization or x-api-key."},
	}
}
