package observe

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/usage"
)

// route is what is counted of a route, its metrics found ahead: counting an
// exchange looks up no label and, once its like has been seen, needs no memory.
type route struct {
	id string
	m  *metrics

	inflight, streaming atomic.Int64

	duration, firstByte, overhead prometheus.Observer
	bytesIn, bytesOut             prometheus.Counter
	rejected                      map[string]prometheus.Counter // by the refusal's code

	requests handles[requestLabels, prometheus.Counter]
	ends     handles[gateway.End, prometheus.Counter]
	attempts handles[attemptLabels, prometheus.Counter]
	tokens   handles[string, *tokenCounters] // by model
}

type (
	requestLabels struct {
		method, code string
		status       int
	}
	attemptLabels struct{ upstream, key, result string }
)

// tokenCounters are one model's, by kind. What a provider does not say has no
// series that would read 0, so each is made when it is first known.
type tokenCounters [5]atomic.Pointer[prometheus.Counter]

// noRoute is the route of requests that match none.
const noRoute = ""

// route finds a route, or begins to count it.
func (m *metrics) route(id string) *route {
	if r, found := m.routes.get(id); found {
		return r
	}
	return m.routes.add(id, func() *route {
		return &route{
			id: id, m: m,
			duration:  m.duration.WithLabelValues(id),
			firstByte: m.firstByte.WithLabelValues(id),
			overhead:  m.overhead.WithLabelValues(id),
			bytesIn:   m.bytes.WithLabelValues(id, "in"),
			bytesOut:  m.bytes.WithLabelValues(id, "out"),
			rejected: map[string]prometheus.Counter{
				"rate_limited":                    m.rejections.WithLabelValues(id, "rate"),
				"downstream_concurrency_exceeded": m.rejections.WithLabelValues(id, "downstream"),
				"upstream_concurrency_exceeded":   m.rejections.WithLabelValues(id, "upstream"),
			},
		}
	})
}

// count counts an exchange that has ended.
func (r *route) count(rec *record) {
	r.countRequest(requestLabels{methodLabel(rec.method), rec.Code, rec.Status})
	r.duration.Observe(rec.Duration.Seconds())
	r.bytesIn.Add(float64(rec.BytesIn))
	r.bytesOut.Add(float64(rec.BytesOut))
	if rec.Code != "" {
		if c, limited := r.rejected[rec.Code]; limited {
			c.Inc()
		}
	}
	if rec.head && rec.FirstByte > 0 { // else its client had left, and got none
		r.firstByte.Observe(rec.FirstByte.Seconds())
		r.overhead.Observe(rec.Overhead.Seconds())
	}
	if rec.stream {
		r.countEnd(rec.end)
	}
	for i := range rec.Attempts {
		a := &rec.Attempts[i]
		r.countAttempt(attemptLabels{a.Upstream, a.Key, a.Result})
	}
	if rec.counted {
		r.countTokens(rec.model, &rec.usage)
	}
}

func (r *route) countRequest(l requestLabels) {
	c, found := r.requests.get(l)
	if !found {
		c = r.requests.add(l, func() prometheus.Counter {
			return r.m.requests.WithLabelValues(r.id, l.method, strconv.Itoa(l.status), l.code)
		})
	}
	c.Inc()
}

func (r *route) countEnd(e gateway.End) {
	c, found := r.ends.get(e)
	if !found {
		c = r.ends.add(e, func() prometheus.Counter { return r.m.streams.WithLabelValues(r.id, string(e)) })
	}
	c.Inc()
}

func (r *route) countAttempt(l attemptLabels) {
	c, found := r.attempts.get(l)
	if !found {
		c = r.attempts.add(l, func() prometheus.Counter {
			return r.m.attempts.WithLabelValues(r.id, l.upstream, l.key, l.result)
		})
	}
	c.Inc()
}

// countTokens adds what is known. A model that has a series needs no second
// look at how it is labelled.
func (r *route) countTokens(model string, u *usage.Usage) {
	counters, found := r.tokens.get(model)
	if !found {
		model = r.m.models.label(model)
		counters, found = r.tokens.get(model)
	}
	if !found {
		counters = r.tokens.add(model, func() *tokenCounters { return new(tokenCounters) })
	}
	figures := figuresOf(u)
	for i := range counters { // the total, which comes last, is their sum
		n, known := figures[i].count.Value()
		if !known {
			continue
		}
		c := counters[i].Load()
		if c == nil {
			made := r.m.tokens.WithLabelValues(r.id, model, figures[i].name) // the same for whoever asks
			c = &made
			counters[i].Store(c)
		}
		(*c).Add(float64(n))
	}
}

// methodLabel bounds the methods to those of RFC 9110 section 9.3.
func methodLabel(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return method
	}
	return "other"
}
