package main

import "slices"

// samples are measured durations in nanoseconds.
type samples []int64

func (s *samples) add(ns int64) { *s = append(*s, ns) }

// quantile is the nearest-rank q-quantile in microseconds. It sorts s.
func (s samples) quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	slices.Sort(s)
	return float64(s[int(q*float64(len(s)-1)+0.5)]) / 1000
}

// spread is a figure over the rounds.
type spread struct {
	median, min, max float64
	n                int
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	v := slices.Sorted(slices.Values(values))
	m := len(v) / 2
	median := v[m]
	if len(v)%2 == 0 {
		median = (v[m-1] + v[m]) / 2
	}
	return spread{median: median, min: v[0], max: v[len(v)-1], n: len(v)}
}
