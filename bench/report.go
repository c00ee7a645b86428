package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// values are a column's figures of one peer over the rounds; none if it failed.
// An added column is taken round by round against the direct row, so that a
// slow moment of the machine cancels out; the direct row itself shows as
// measured.
func (r *result) values(name string, c column) []float64 {
	if r.Failed[name] != "" {
		return nil
	}
	if c.Added && name != direct {
		return r.against(name, direct, c.Key, difference)
	}
	var all []float64
	for _, f := range r.Rounds[name] {
		if v, ok := f[c.Key]; ok {
			all = append(all, v)
		}
	}
	return all
}

// against compares a figure of two peers, round by round.
func (r *result) against(name, base, key string, compare func(v, base float64) float64) []float64 {
	if r.Failed[name] != "" || r.Failed[base] != "" {
		return nil
	}
	var all []float64
	for i := range min(len(r.Rounds[name]), len(r.Rounds[base])) {
		v, ok := r.Rounds[name][i][key]
		of, also := r.Rounds[base][i][key]
		if ok && also {
			all = append(all, compare(v, of))
		}
	}
	return all
}

func quotient(v, base float64) float64   { return v / base }
func difference(v, base float64) float64 { return v - base }

// cell is "median (min–max)".
func cell(values []float64, digits int) string {
	s := spreadOf(values)
	switch {
	case s.n == 0:
		return "–"
	case s.n == 1:
		return number(s.median, digits)
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.median, digits), number(s.min, digits), number(s.max, digits))
}

// number groups thousands with commas.
func number(v float64, digits int) string {
	s := fmt.Sprintf("%.*f", digits, v)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, hasFraction := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	return sign + whole
}

// shown is a column of a table.
type shown struct {
	title string
	cell  func(name string) string
}

// table is a result's columns: as measured, and the costs once more as ratios
// to nginx's of the same round.
func (r *result) table() []shown {
	var all []shown
	for _, c := range r.Columns {
		all = append(all, shown{c.Title, func(name string) string { return cell(r.values(name, c), c.Digits) }})
		if cost, ok := costs[c.Key]; ok && slices.Contains(r.Peers, "nginx") {
			all = append(all, shown{cost + " ÷ nginx's", func(name string) string {
				if name == "nginx" {
					return "1"
				}
				return cell(r.against(name, "nginx", c.Key, quotient), 2)
			}})
		}
	}
	return all
}

// costs are the columns that a ratio makes sense of, by key.
var costs = map[string]string{"cpu": "CPU", "rss": "RSS"}

// print shows a finished workload on the terminal.
func (r *result) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	columns := r.table()
	fmt.Fprint(table, "\t")
	for _, c := range columns {
		fmt.Fprint(table, c.title, "\t")
	}
	fmt.Fprintln(table)
	for _, name := range r.Peers {
		fmt.Fprint(table, r.label(name), "\t")
		for _, c := range columns {
			fmt.Fprint(table, c.cell(name), "\t")
		}
		fmt.Fprintln(table)
	}
	table.Flush()
}

// label marks a row that cannot be read like the others.
func (r *result) label(name string) string {
	hasAdded := slices.ContainsFunc(r.Columns, func(c column) bool { return c.Added })
	switch {
	case r.Failed[name] != "":
		return properName(name) + ": failed"
	case name == direct && hasAdded:
		return "direct, as it is"
	}
	return properName(name)
}

// properName is how a peer is called where people read.
func properName(name string) string {
	if proper, ok := properNames[name]; ok {
		return proper
	}
	return name
}

var properNames = map[string]string{
	"gateway": "AI Gateway Lite", "gateway-watching": "AI Gateway Lite, watching", "gateway-full": "AI Gateway Lite, everything on",
	"haproxy": "HAProxy", "caddy": "Caddy", "portkey": "Portkey",
}

// markdown is RESULTS.md.
func (rep *report) markdown() string {
	var md strings.Builder
	md.WriteString("# Results\n\n![CPU time and memory, side by side](results.svg)\n\n")
	rep.writeAims(&md)
	md.WriteString("## How it was measured\n\n")
	for i, s := range rep.Runs {
		s.writeMarkdown(&md, rep.workloadsOf(i))
	}
	md.WriteString("Figures are medians over the rounds, with the least and the greatest in brackets; a ratio is of two figures of the same round.\n\n")
	for _, r := range rep.Results {
		r.writeMarkdown(&md)
	}
	md.WriteString(columnMeanings)
	return md.String()
}

// workloadsOf names those of a run, unless there is but one run.
func (rep *report) workloadsOf(run int) string {
	if len(rep.Runs) == 1 {
		return ""
	}
	var names []string
	for _, r := range rep.Results {
		if r.Run == run {
			names = append(names, r.Name)
		}
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// writeMarkdown says when, where, with what and how.
func (s setting) writeMarkdown(md *strings.Builder, workloads string) {
	fmt.Fprintf(md, "`%s` in `bench/`, %s, commit %s%s:\n\n", s.Command, s.Began.UTC().Format("2 January 2006, 15:04 UTC"), s.Commit, workloads)
	fmt.Fprintf(md, "- Machine: %s.\n", s.Machine)
	for _, v := range s.Versions {
		fmt.Fprintf(md, "- %s.\n", v)
	}
	fmt.Fprintf(md, "- Rounds: %d, peers in turn; each measurement lasts %g s, at a fixed rate twice that, after %g s of warming up, with a fresh process.\n", s.Rounds, s.Seconds, s.Warmup)
	if s.LoadCore >= 0 {
		fmt.Fprintf(md, "- Upstream and load generator on core %d, the proxy alone on core %d.\n", s.LoadCore, s.ProxyCore)
	}
	for _, n := range s.Notes {
		fmt.Fprintf(md, "- %s.\n", strings.TrimSuffix(strings.ToUpper(n[:1])+n[1:], "."))
	}
	md.WriteString("\n")
}

func (r *result) writeMarkdown(md *strings.Builder) {
	columns := r.table()
	fmt.Fprintf(md, "## %s\n\n%s.\n\n|  |", r.Name, strings.ToUpper(r.Title[:1])+r.Title[1:])
	for _, c := range columns {
		fmt.Fprintf(md, " %s |", c.title)
	}
	md.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(columns)) + "\n")
	for _, name := range r.Peers {
		fmt.Fprintf(md, "| %s |", r.label(name))
		for _, c := range columns {
			fmt.Fprintf(md, " %s |", c.cell(name))
		}
		md.WriteString("\n")
	}
	md.WriteString("\n")
	for _, name := range r.Peers {
		if why := r.Failed[name]; why != "" {
			fmt.Fprintf(md, "%s failed: %s.\n\n", properName(name), why)
		}
		for _, f := range r.Rounds[name] {
			if kept, ok := f["kept"]; ok && kept < keptUp {
				fmt.Fprintf(md, "%s kept up with %.0f %% only in one round.\n\n", properName(name), kept)
			}
		}
	}
	if r.Others > 10 {
		fmt.Fprintf(md, "Noisy: at worst, other programs used %.0f %% of a core meanwhile.\n\n", r.Others)
	}
}

var columnMeanings = `## What the columns mean

- **CPU µs/request, CPU µs/event, CPU ms/100 MiB**: CPU time of the proxy's whole process tree, from the kernel's process
  clock in nanoseconds, divided by the requests, events or bytes that came through. It includes what the kernel does on
  the proxy's behalf.
- **requests/s, events/s, MiB/s**: what came through one core for the proxy and one for both ends of the bench.
  The ` + "`direct`" + ` row is the ceiling of the bench itself.
- **p50, p99**: from the moment a request was sent (at a fixed rate: was due) to the last byte of its answer.
- **CPU ÷ nginx's, RSS ÷ nginx's**: this peer's cost as a part of nginx's in the same round; below 1 is cheaper.
- **added**: the same figure of the same round without a proxy, subtracted; the direct row shows it as measured.
- **first byte**: from a request to the first byte of the answer's body.
- **event delay**: from the upstream's write of an event to its arrival at the client. As fast as it goes, this is the
  queue in sockets and proxy.
- **gap**: between two events of one stream; the upstream leaves 5 ms.
- **KiB/stream**: growth of the proxy's memory from one open stream to all, by their number: resident set (RSS) and
  proportional set (PSS, which counts shared pages once). Kernel socket buffers are in neither.
- **peak RSS**: VmHWM of the process tree at the end, start-up included.
- **streaming, waiting**: from the client's close to the upstream seeing its own connection closed, in the middle of a
  silent stream and before any answer.

Requests have 700 bytes of body, JSON answers 1,200, events ` + eventSize + `; a stream ends with its usage and ` + "`[DONE]`" + `. nginx keeps its default buffer of one page for unbuffered answers.
Every status, length, byte of JSON, and event's number is checked while measuring, and each request must come to the upstream once and be answered once;
a peer that fails a check has no figure. Watching and with everything on, each request must also have its line in the access log and its place in the metrics, with its usage.
`

var eventSize = fmt.Sprint(len(event))
