package main

import (
	"fmt"
	"math"
	"strings"
)

// An aim is a promise of the gateway's, in figures of one run.
type aim struct {
	what          string
	workload, key string
	peer, against string // against: the peer that it is set against; "": a figure by itself
	beyond        bool   // the difference to that peer, not the ratio
	unit          string
	digits        int
	limit         float64 // at most; +Inf: reported, nothing promised
}

// aims of the workloads that were measured.
func (rep *report) aims() []aim {
	ratio := func(what, workload, key string, limit float64) aim {
		return aim{what: what, workload: workload, key: key, peer: "gateway", against: "nginx", unit: "of nginx", digits: 2, limit: limit}
	}
	on := func(what, workload, peer string) aim {
		return aim{what: what, workload: workload, key: "cpu", peer: peer, against: "gateway", unit: "of off", digits: 2, limit: 1.15}
	}
	reported := math.Inf(1)
	all := []aim{
		ratio("JSON, 64 connections: CPU per request", "json-64", "cpu", 1.0),
		ratio("JSON, 256 connections: CPU per request", "json-256", "cpu", 1.0),
		ratio("500 requests/s: CPU per request", "json-500rps", "cpu", 1.1),
		{what: "500 requests/s: p99 beyond nginx's", workload: "json-500rps", key: "p99", peer: "gateway", against: "nginx", beyond: true, unit: "µs", limit: 0},
		ratio("SSE, an event every 5 ms: CPU per event", "sse-64", "cpu", 1.1),
		ratio("SSE, as fast as it goes: CPU per event", "sse-fast", "cpu", 1.2),
		ratio("SSE, as fast as it goes: event delay p50", "sse-fast", "delay50", 1.0),
		ratio("SSE, as fast as it goes: event delay p99", "sse-fast", "delay99", 1.0),
	}
	for _, r := range rep.Results {
		if n, ok := strings.CutPrefix(r.Name, memoryName); ok {
			all = append(all, aim{what: "idle stream, of " + n + ": resident memory", workload: r.Name, key: "rss", peer: "gateway", unit: "KiB", digits: 1, limit: 12})
		}
	}
	return append(all,
		ratio("TLS, HTTP/1.1, JSON: CPU per request", "tls-json-h1", "cpu", 1.0),
		ratio("TLS, HTTP/1.1, SSE: CPU per event", "tls-sse-h1", "cpu", 1.0),
		ratio("TLS, HTTP/2, JSON: CPU per request", "tls-json-h2", "cpu", reported),
		ratio("TLS, HTTP/2, SSE: CPU per event", "tls-sse-h2", "cpu", reported),
		on("watching, JSON: CPU per request", "json-64", "gateway-watching"),
		on("watching, SSE: CPU per event", "sse-64", "gateway-watching"),
		on("everything on, JSON: CPU per request", "json-64", "gateway-full"),
		on("everything on, SSE: CPU per event", "sse-64", "gateway-full"),
	)
}

// measured are the aim's figures, a round each.
func (a aim) measured(r *result) []float64 {
	switch {
	case a.against == "":
		return r.values(a.peer, column{Key: a.key})
	case a.beyond:
		return r.against(a.peer, a.against, a.key, difference)
	}
	return r.against(a.peer, a.against, a.key, quotient)
}

// verdict compares what a reader sees: figures rounded as they are shown.
func (a aim) verdict(values []float64) string {
	if math.IsInf(a.limit, 1) {
		return "–"
	}
	s := spreadOf(values)
	scale := math.Pow(10, float64(a.digits))
	within := func(v float64) bool { return math.Round(v*scale)/scale <= a.limit }
	switch {
	case s.n == 0:
		return "not measured"
	case within(s.max):
		return "met"
	case within(s.median):
		return "met, not in every round"
	case within(s.min):
		return "**missed**, not in every round"
	}
	return "**missed**"
}

func (a aim) promise() string {
	if math.IsInf(a.limit, 1) {
		return "reported only"
	}
	return fmt.Sprintf("≤ %s %s", number(a.limit, a.digits), a.unit)
}

func (rep *report) writeAims(md *strings.Builder) {
	md.WriteString("## Aims and figures\n\n| AI Gateway Lite | aim | measured, median (min–max) |  |\n| --- | --- | ---: | --- |\n")
	for _, a := range rep.aims() {
		var values []float64
		if r := rep.result(a.workload); r != nil {
			values = a.measured(r)
		}
		fmt.Fprintf(md, "| %s | %s | %s | %s |\n", a.what, a.promise(), cell(values, a.digits), a.verdict(values))
	}
	md.WriteString("\nRatios are to the same round of the other peer. *Watching* is an access log to a file, metrics and usage:\n[watching.yaml](watching.yaml); *everything on* is that with limits and CORS: [everything-on.yaml](everything-on.yaml); *off* is the same binary without.\n\n")
}
