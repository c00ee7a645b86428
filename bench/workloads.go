package main

import (
	"fmt"
	"strings"
	"time"
)

// allWorkloads in the order of the report.
func allWorkloads(b *bench) []workload {
	all := []workload{
		jsonWorkload("json-64", "JSON over 64 connections, as fast as it goes", 64, plain),
		jsonWorkload("json-256", "JSON over 256 connections, as fast as it goes", 256, plain),
		rateWorkload(500),
		sseWorkload("sse-64", "SSE, 64 streams, an event every 5 ms, streams independent", 64, plain, spreadOut),
		sseWorkload("sse-256", "SSE, 256 streams, an event every 5 ms, streams independent", 256, plain, spreadOut),
		sseWorkload("sse-64-step", "SSE, 64 streams, an event every 5 ms, on all streams at once", 64, plain, inStep),
		fastWorkload(64),
	}
	for _, n := range b.streams {
		all = append(all, memoryWorkload(n))
	}
	all = append(all,
		downloadWorkload("bulk-download", "download of 100 MiB", 100),
		uploadWorkload("bulk-upload", "upload of 100 MiB", 100),
		jsonWorkload("tls-json-h1", "JSON over TLS, HTTP/1.1, 64 connections", 64, tlsHTTP1),
		jsonWorkload("tls-json-h2", "JSON over TLS, HTTP/2, 16 connections with 4 streams each", 64, tlsHTTP2),
		sseWorkload("tls-sse-h1", "SSE over TLS, HTTP/1.1, 64 streams, an event every 5 ms", 64, tlsHTTP1, spreadOut),
		sseWorkload("tls-sse-h2", "SSE over TLS, HTTP/2, 16 connections with 4 streams each, an event every 5 ms", 64, tlsHTTP2, spreadOut),
		downloadWorkload("big-download", "download of 1 GiB", 1024, "gateway"),
		uploadWorkload("big-upload", "upload of 1 GiB", 1024, "gateway"),
		goneWorkload(),
	)
	return all
}

// protocol is how clients speak to the proxy.
type protocol int

const (
	plain protocol = iota
	tlsHTTP1
	tlsHTTP2
)

// open connects n lanes to t.
func (p protocol) open(b *bench, t *target, n int) ([]lane, error) {
	if p == tlsHTTP2 {
		t.tls = b.cert.clientConfig("h2")
		return h2Lanes(b.loop, t, n, 4)
	}
	return lanes(b.loop, t, n)
}

// within is how long anything that should be quick may take before the
// measurement counts as failed.
const within = 30 * time.Second

// keptUp is the percentage of what was due below which a paced measurement is
// pointed out: proxy or machine were overloaded.
const keptUp = 95

// line is f for the terminal, column by column, nothing subtracted.
func (f figures) line(w workload) string {
	s := ""
	for _, c := range w.columns {
		if v, ok := f[c.Key]; ok {
			s += fmt.Sprintf("%s %.*f   ", strings.TrimPrefix(c.Title, "added "), c.Digits, v)
		}
	}
	if kept, ok := f["kept"]; ok && kept < keptUp {
		s += fmt.Sprintf("kept up with %.0f %% only   ", kept)
	}
	if load, ok := f["load"]; ok {
		s += fmt.Sprintf("[proxy %.0f %%, load %.0f %%, others %.0f %%]", f["busy"], load, f["others"])
	}
	return s
}
