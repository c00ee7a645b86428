package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// resultOf is one round of nginx at 10 and the gateway at cost.
func resultOf(name string, cost float64) *result {
	return &result{
		Name: name, Title: "a workload", Columns: []column{{Key: "cpu", Title: "CPU µs", Digits: 1}},
		Peers:  []string{"gateway", "nginx"},
		Rounds: map[string][]figures{"gateway": {{"cpu": cost}}, "nginx": {{"cpu": 10}}},
		Failed: map[string]string{},
	}
}

func workloadNames(rep *report) string {
	var names []string
	for _, r := range rep.Results {
		names = append(names, r.Name)
	}
	return strings.Join(names, " ")
}

// What was measured before a run was cut off is there for the next.
func TestAReportOutlivesItsRun(t *testing.T) {
	dir := t.TempDir()
	order := []string{"json-64", "sse-64", "gone"}
	full, partial := setting{Commit: "aaa", Rounds: 5}, setting{Commit: "bbb", Rounds: 2}

	first := newReport(order)
	first.dir = dir
	for _, name := range []string{"json-64", "sse-64"} {
		if err := first.keep(resultOf(name, 9), full); err != nil {
			t.Fatal(err)
		}
	}

	// A partial run replaces one workload and adds one.
	second := newReport(order)
	second.dir = dir
	if err := second.load(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gone", "json-64"} {
		if err := second.keep(resultOf(name, 8), partial); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, fileReport))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"commit aaa (sse-64)", "commit bbb (json-64, gone)", "| AI Gateway Lite | 8.0 | 0.80 |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}

	// Resuming keeps what is of the same commit and flags, and went well.
	third := newReport(order)
	if err := third.load(dir); err != nil {
		t.Fatal(err)
	}
	if got := workloadNames(third); got != "json-64 sse-64 gone" {
		t.Fatalf("loaded %s", got)
	}
	third.result("gone").Failed["nginx"] = "altered"
	third.keepAlike(partial)
	if got := workloadNames(third); got != "json-64" {
		t.Fatalf("resumed with %s", got)
	}
	if err := third.keep(resultOf("sse-64", 7), partial); err != nil || len(third.Runs) != 2 {
		t.Fatalf("%v; runs: %+v", err, third.Runs)
	}
}

// A run that replaces everything forgets the runs before it.
func TestRunsWithoutResultsAreForgotten(t *testing.T) {
	rep := newReport([]string{"json-64"})
	rep.keep(resultOf("json-64", 9), setting{Commit: "aaa"})
	rep.current = -1
	rep.keep(resultOf("json-64", 9), setting{Commit: "bbb"})
	if len(rep.Runs) != 1 || rep.Runs[0].Commit != "bbb" || rep.Results[0].Run != 0 {
		t.Fatalf("runs %+v, result of run %d", rep.Runs, rep.Results[0].Run)
	}
}

func TestVerdictIsOfTheFiguresAsTheyAreShown(t *testing.T) {
	a := aim{digits: 2, limit: 1.0}
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{nil, "not measured"},
		{[]float64{0.9, 1.004, 0.8}, "met"}, // 1.00, as it is shown
		{[]float64{0.9, 1.1, 0.8}, "met, not in every round"},
		{[]float64{0.9, 1.1, 1.2}, "**missed**, not in every round"},
		{[]float64{1.1, 1.1, 1.2}, "**missed**"},
	} {
		if got := a.verdict(c.values); got != c.want {
			t.Errorf("%v: got %s, want %s", c.values, got, c.want)
		}
	}
}

// Each aim is about a workload and a column that there are.
func TestAimsAreMeasurable(t *testing.T) {
	b := testBench(t)
	rep := newReport(nil)
	for _, w := range b.workloads {
		rep.Results = append(rep.Results, &result{Name: w.name, Columns: w.columns})
	}
	aims := rep.aims()
	if len(aims) < 12 {
		t.Errorf("only %d aims", len(aims))
	}
	for _, a := range aims {
		r := rep.result(a.workload)
		if r == nil {
			t.Errorf("%s: no workload %s", a.what, a.workload)
			continue
		}
		has := false
		for _, c := range r.Columns {
			has = has || c.Key == a.key
		}
		if !has {
			t.Errorf("%s: %s has no column %s", a.what, a.workload, a.key)
		}
	}
}

func TestChartIsWellFormedAndShowsEveryPeer(t *testing.T) {
	rep := newReport([]string{"json-64"})
	r := resultOf("json-64", 9)
	r.Peers = append(r.Peers, "portkey")
	r.Rounds["portkey"] = []figures{{"cpu": 2560}}
	rep.keep(r, setting{Commit: "aaa", Rounds: 5})
	chart := rep.chart()
	for d := xml.NewDecoder(strings.NewReader(chart)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, chart)
		}
	}
	for _, want := range []string{"AI Gateway Lite<", "nginx<", "Portkey<", ">2,560.0<"} {
		if !strings.Contains(chart, want) {
			t.Errorf("the chart lacks %q:\n%s", want, chart)
		}
	}
}
