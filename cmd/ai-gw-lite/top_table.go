package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// writeTable writes a line for each stream, cut to so many columns; 0: not cut.
func writeTable(w io.Writer, list []stream, columns int) error {
	var page strings.Builder
	t := tabwriter.NewWriter(&page, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "AGE\tSTATE\tROUTE\tMODEL\tUPSTREAM\tTOKEN\tTTFB\tIN\tOUT\tEVENTS\tTOKENS\tIDLE\tID")
	for i := range list {
		s := &list[i]
		upstream := s.Upstream
		if s.Key != "" {
			upstream += " " + s.Key
		}
		cells := []string{
			duration(s.AgeMS), s.State, s.Route, s.Model, upstream, s.Token, ttfb(s.TTFBMS), size(s.BytesIn), size(s.BytesOut),
			strconv.FormatInt(s.Events, 10), tokens(s.Tokens), duration(s.IdleMS), s.ID,
		}
		for i := range cells {
			if cells[i] = clean(cells[i]); cells[i] == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	t.Flush()
	for line := range strings.Lines(page.String()) {
		if _, err := fmt.Fprintln(w, cut(strings.TrimRight(line, " \n"), columns)); err != nil {
			return err
		}
	}
	return nil
}

// clean keeps what clients have named from commanding the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func cut(line string, columns int) string {
	if columns == 0 || utf8.RuneCountInString(line) <= columns {
		return line
	}
	return string([]rune(line)[:columns])
}

func ttfb(ms *int64) string {
	if ms == nil {
		return ""
	}
	return duration(*ms)
}

func tokens(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// duration has as many digits as people read: 0.34s, 12.3s, 4m05s, 2h03m.
func duration(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
}

func size(bytes int64) string {
	switch {
	case bytes < 10_000:
		return strconv.FormatInt(bytes, 10)
	case bytes < 10_000_000:
		return strconv.FormatInt(bytes/1000, 10) + "k"
	}
	return strconv.FormatInt(bytes/1_000_000, 10) + "M"
}
