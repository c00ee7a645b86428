package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// values are a column's figures of one peer over the rounds. An added column
// is taken round by round against the direct row, so that a slow moment of the
// machine cancels out; the direct row itself shows as measured.
func (r *result) values(name string, c column) []float64 {
	var all []float64
	for i, f := range r.rounds[name] {
		v, ok := f[c.key]
		if !ok {
			continue
		}
		if base := r.rounds[direct]; c.added && name != direct && base != nil {
			if i >= len(base) || base[i] == nil {
				continue
			}
			v -= base[i][c.key]
		}
		all = append(all, v)
	}
	return all
}

// cell is "median (min–max)".
func (r *result) cell(name string, c column) string {
	s := spreadOf(r.values(name, c))
	switch {
	case s.n == 0:
		return "–"
	case s.n == 1:
		return number(s.median, c.digits)
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.median, c.digits), number(s.min, c.digits), number(s.max, c.digits))
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

// print shows a finished workload on the terminal.
func (r *result) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprint(table, "\t")
	for _, c := range r.workload.columns {
		fmt.Fprint(table, c.title, "\t")
	}
	fmt.Fprintln(table)
	for _, name := range r.peers {
		fmt.Fprint(table, r.label(name), "\t")
		for _, c := range r.workload.columns {
			fmt.Fprint(table, r.cell(name, c), "\t")
		}
		fmt.Fprintln(table)
	}
	table.Flush()
}

// label marks a row that cannot be read like the others.
func (r *result) label(name string) string {
	hasAdded := slices.ContainsFunc(r.workload.columns, func(c column) bool { return c.added })
	switch n := len(r.failed[name]); {
	case n > 0:
		return fmt.Sprintf("%s (%d failed)", name, n)
	case name == direct && hasAdded:
		return "direct, as it is"
	}
	return name
}

// writeReport writes RESULTS.md and results.svg.
func (b *bench) writeReport(dir, command string) error {
	var md strings.Builder
	fmt.Fprintf(&md, "# Results\n\nMeasured %s, in %s, by `%s`.\n\n", b.began.UTC().Format("2 January 2006, 15:04 UTC"), time.Since(b.began).Round(time.Second), command)
	fmt.Fprintf(&md, "![CPU time and memory, side by side](results.svg)\n\n")
	b.writeSetting(&md)
	for _, r := range b.results {
		r.writeMarkdown(&md)
	}
	md.WriteString(columnMeanings)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "RESULTS.md"), []byte(md.String()), 0o644),
		os.WriteFile(filepath.Join(dir, "results.svg"), []byte(b.chart()), 0o644),
	)
}

// writeSetting says where, with what and how.
func (b *bench) writeSetting(md *strings.Builder) {
	o := b.options
	fmt.Fprintf(md, "- Machine: %s.\n", machine())
	for _, p := range b.peers {
		fmt.Fprintf(md, "- %s: %s.\n", p.name, p.version)
	}
	fmt.Fprintf(md, "- Rounds: %d, peers in turn; each measurement lasts %s, after %s of warming up, with a fresh process.\n", o.rounds, o.seconds, o.warmup)
	if o.loadCore >= 0 {
		fmt.Fprintf(md, "- Upstream and load generator on core %d, the proxy alone on core %d.\n", o.loadCore, o.proxyCore)
	}
	for _, n := range b.notes {
		fmt.Fprintf(md, "- %s.\n", strings.TrimSuffix(n, "."))
	}
	md.WriteString("\nFigures are medians over the rounds, with the least and the greatest in brackets.\n\n")
}

func (r *result) writeMarkdown(md *strings.Builder) {
	w := r.workload
	fmt.Fprintf(md, "## %s\n\n%s.\n\n|  |", w.name, strings.ToUpper(w.title[:1])+w.title[1:])
	for _, c := range w.columns {
		fmt.Fprintf(md, " %s |", c.title)
	}
	md.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(w.columns)) + "\n")
	for _, name := range r.peers {
		fmt.Fprintf(md, "| %s |", r.label(name))
		for _, c := range w.columns {
			fmt.Fprintf(md, " %s |", r.cell(name, c))
		}
		md.WriteString("\n")
	}
	md.WriteString("\n")
	for _, name := range r.peers {
		for _, err := range r.failed[name] {
			first, _, _ := strings.Cut(err.Error(), "\n")
			fmt.Fprintf(md, "%s failed: %s.\n\n", name, first)
		}
	}
	for _, name := range r.peers {
		for _, f := range r.rounds[name] {
			if kept, ok := f["kept"]; ok && kept < keptUp {
				fmt.Fprintf(md, "%s kept up with %.0f %% only in one round.\n\n", name, kept)
			}
		}
	}
	if r.others > 10 {
		fmt.Fprintf(md, "Noisy: at worst, other programs used %.0f %% of a core meanwhile.\n\n", r.others)
	}
}

var columnMeanings = `## What the columns mean

- **CPU µs/request, CPU µs/event, CPU ms/100 MiB**: CPU time of the proxy's whole process tree, from the kernel's process
  clock in nanoseconds, divided by the requests, events or bytes that came through. It includes what the kernel does on
  the proxy's behalf.
- **requests/s, events/s, MiB/s**: what came through one core for the proxy and one for both ends of the bench.
  The ` + "`direct`" + ` row is the ceiling of the bench itself.
- **p50, p99**: from the moment a request was sent (at a fixed rate: was due) to the last byte of its answer.
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

Requests have 700 bytes of body, JSON answers 1,200, events ` + eventSize + `. nginx keeps its default buffer of one page for unbuffered answers.
Every status, length, byte of JSON, and event's number is checked while measuring; a peer that fails a check has no figure.
`

var eventSize = fmt.Sprint(len(event))
