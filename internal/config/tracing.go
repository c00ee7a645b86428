package config

import "strings"

// tracing is OpenTelemetry over OTLP.
type tracing struct {
	origin
	enabled boolean
	sample  ratio
	otlp    otlp
}

// otlp is the collector.
type otlp struct {
	origin
	endpoint  text
	timeoutMS number
}

func (t *tracing) fields() []field {
	return []field{
		{"enabled", t.enabled.or(false), optional, "Off unless true."},
		{"sample_ratio", t.sample.or(0.05), optional,
			"The part of the traces begun here that is kept, 0 to 1."},
		{"otlp", sub(&t.otlp), optional,
			"The collector that traces go to."},
	}
}

func (o *otlp) fields() []field {
	return []field{
		{"endpoint", o.endpoint.or("http://127.0.0.1:4317"), optional,
			"http or https URL of the collector."},
		{"timeout_ms", o.timeoutMS.or(3000), optional,
			"For one delivery."},
	}
}

func (t *tracing) check(r *report) {
	e := &t.otlp.endpoint
	if !e.given || e.bad {
		return
	}
	if strings.Contains(e.v, "@") {
		r.problem(&e.origin, "must not have a login in it")
	} else if _, wrong := parseBaseURL(e.v); wrong != "" {
		r.problem(&e.origin, "%s", wrong)
	}
}

func (t *tracing) build() Tracing {
	endpoint, _ := parseBaseURL(t.otlp.endpoint.v)
	return Tracing{
		Enabled: t.enabled.v, SampleRatio: t.sample.v,
		Endpoint: endpoint.String(), Timeout: t.otlp.timeoutMS.ms(),
	}
}
