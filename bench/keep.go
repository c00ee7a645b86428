package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// report is what is known so far: the results of this run and, if it goes on
// with an earlier one or replaces some of its workloads, of that one. It is
// written after each workload, so that a run that is cut off is not lost.
type report struct {
	Runs    []setting
	Results []*result

	dir     string   // "" if it is not to be written
	order   []string // of workloads
	current int      // the run that is going on; -1 before its first result
}

// setting is how a run was made.
type setting struct {
	Began               time.Time
	Command             string
	Commit, Machine     string
	Rounds              int
	Seconds, Warmup     float64
	LoadCore, ProxyCore int
	Versions, Notes     []string
}

const (
	fileResults = "results.json"
	fileReport  = "RESULTS.md"
	fileChart   = "results.svg"
)

func newReport(order []string) *report { return &report{order: order, current: -1} }

// load reads what an earlier run kept in dir, if there was one.
func (rep *report) load(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, fileResults))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, rep)
	}
	if err != nil {
		return fmt.Errorf("read earlier results: %w", err)
	}
	return nil
}

// keepAlike drops the results that s would measure otherwise, or that failed.
func (rep *report) keepAlike(s setting) {
	rep.Results = slices.DeleteFunc(rep.Results, func(r *result) bool {
		was := rep.Runs[r.Run]
		return len(r.Failed) > 0 || was.Commit != s.Commit || was.Machine != s.Machine ||
			was.Rounds != s.Rounds || was.Seconds != s.Seconds || was.Warmup != s.Warmup
	})
}

func (rep *report) result(workload string) *result {
	for _, r := range rep.Results {
		if r.Name == workload {
			return r
		}
	}
	return nil
}

// keep takes in a result of the run that is going on, in place of an earlier
// one of the same workload, and writes everything.
func (rep *report) keep(r *result, s setting) error {
	if rep.current < 0 {
		rep.Runs = append(rep.Runs, s)
		rep.current = len(rep.Runs) - 1
	}
	rep.Runs[rep.current] = s
	r.Run = rep.current
	rep.Results = slices.DeleteFunc(rep.Results, func(old *result) bool { return old.Name == r.Name })
	rep.Results = append(rep.Results, r)
	slices.SortStableFunc(rep.Results, func(a, b *result) int {
		return slices.Index(rep.order, a.Name) - slices.Index(rep.order, b.Name)
	})
	rep.dropUnused()
	if rep.dir == "" {
		return nil
	}
	return rep.write()
}

// dropUnused forgets runs of which no result is left.
func (rep *report) dropUnused() {
	var used []setting
	place := map[int]int{}
	for i, s := range rep.Runs {
		if slices.ContainsFunc(rep.Results, func(r *result) bool { return r.Run == i }) {
			place[i] = len(used)
			used = append(used, s)
		}
	}
	for _, r := range rep.Results {
		r.Run = place[r.Run]
	}
	rep.Runs, rep.current = used, place[rep.current]
}

func (rep *report) write() error {
	data, err := rep.encode()
	return errors.Join(err,
		replaceFile(filepath.Join(rep.dir, fileResults), data),
		replaceFile(filepath.Join(rep.dir, fileReport), []byte(rep.markdown())),
		replaceFile(filepath.Join(rep.dir, fileChart), []byte(rep.chart())),
	)
}

// encode has a line for each run and each result, for the sake of diffs.
func (rep *report) encode() ([]byte, error) {
	var b bytes.Buffer
	var failed error
	line := func(v any, last bool) {
		data, err := json.Marshal(v)
		failed = errors.Join(failed, err)
		b.Write(data)
		if !last {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("{\"Runs\": [\n")
	for i, s := range rep.Runs {
		line(s, i == len(rep.Runs)-1)
	}
	b.WriteString("], \"Results\": [\n")
	for i, r := range rep.Results {
		line(r, i == len(rep.Results)-1)
	}
	b.WriteString("]}\n")
	return b.Bytes(), failed
}

// replaceFile leaves the old file or the new one, whenever it is interrupted.
func replaceFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return os.Rename(path+".new", path)
}
