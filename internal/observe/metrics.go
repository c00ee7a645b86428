package observe

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what Prometheus reads. They are kept as long as the process
// lives, whatever is configured meanwhile: counters never go back.
type metrics struct {
	registry *prometheus.Registry

	requests   *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	firstByte  *prometheus.HistogramVec
	overhead   *prometheus.HistogramVec
	streams    *prometheus.CounterVec
	attempts   *prometheus.CounterVec
	rejections *prometheus.CounterVec
	tokens     *prometheus.CounterVec
	bytes      *prometheus.CounterVec

	reloaded   prometheus.Gauge
	reloadedAt prometheus.Gauge

	models    models
	routes    handles[string, *route]
	cooldowns func(func(route, upstream, key string, left time.Duration)) // of every key; nil: none is known
}

// Buckets, in seconds. An answer of an AI may take half an hour; what the
// gateway adds is counted in microseconds.
var (
	latencyBuckets  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800}
	overheadBuckets = []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 50e-3, .25, 1}
)

func newMetrics(version string, dropped func() int64) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.requests = m.counters("gateway_requests_total", "Requests that have ended, refused ones included.", "route", "method", "status", "code")
	m.duration = m.histograms("gateway_request_duration_seconds", "From a request's head to the end of its answer.", latencyBuckets)
	m.firstByte = m.histograms("gateway_time_to_first_byte_seconds", "From a request's head to the head of an upstream's answer.", latencyBuckets)
	m.overhead = m.histograms("gateway_overhead_seconds", "The gateway's own part of the time to first byte.", overheadBuckets)
	m.streams = m.counters("gateway_streams_total", "Streams that have ended, by how.", "route", "end")
	m.attempts = m.counters("gateway_upstream_attempts_total", "Attempts to get an answer from an upstream.", "route", "upstream", "key", "result")
	m.rejections = m.counters("gateway_limit_rejections_total", "Requests refused by a limit of the gateway's own.", "route", "kind")
	m.tokens = m.counters("gateway_tokens_total", "Tokens as providers report them; reasoning is a part of output.", "route", "model", "kind")
	m.bytes = m.counters("gateway_bytes_total", "Bytes of bodies.", "route", "direction")
	m.reloaded = prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_config_last_reload_successful",
		Help: "Whether the last configuration that was read is in force."})
	m.reloadedAt = prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_config_last_reload_success_timestamp_seconds",
		Help: "When the configuration in force was put in force."})
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_build_info", Help: "What is running; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(
		m.reloaded, m.reloadedAt, build, standing{m},
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "gateway_log_lines_dropped_total",
			Help: "Log lines that were lost because their sink was too slow or failed."}, func() float64 { return float64(dropped()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func (m *metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) histograms(name, help string, buckets []float64) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"route"})
	m.registry.MustRegister(v)
	return v
}

// standing reads what is neither counted up nor down when it is asked for.
type standing struct{ m *metrics }

var (
	inflightRequests = prometheus.NewDesc("gateway_inflight_requests", "Requests in flight, streams included.", []string{"route"}, nil)
	inflightStreams  = prometheus.NewDesc("gateway_streams_inflight", "Streams in flight: those whose answer has begun.", []string{"route"}, nil)
	keyCooldown      = prometheus.NewDesc("gateway_key_cooldown", "Whether a key, or an upstream without keys, is in its cooldown.", []string{"route", "upstream", "key"}, nil)
)

func (s standing) Describe(to chan<- *prometheus.Desc) {
	to <- inflightRequests
	to <- inflightStreams
	to <- keyCooldown
}

func (s standing) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for id, r := range s.m.routes.all() {
		if id != noRoute {
			gauge(inflightRequests, float64(r.inflight.Load()), id)
			gauge(inflightStreams, float64(r.streaming.Load()), id)
		}
	}
	if s.m.cooldowns == nil {
		return
	}
	s.m.cooldowns(func(route, upstream, key string, left time.Duration) {
		cooled := 0.
		if left > 0 {
			cooled = 1
		}
		gauge(keyCooldown, cooled, route, upstream, key)
	})
}

// setReloaded notes how reading a configuration went.
func (m *metrics) setReloaded(ok bool, at time.Time) {
	if !ok {
		m.reloaded.Set(0)
		return
	}
	m.reloaded.Set(1)
	m.reloadedAt.Set(float64(at.UnixMilli()) / 1000)
}
