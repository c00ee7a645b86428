package main

import (
	"fmt"
	"math"
	"strings"
)

// panel is one group of bars in the chart: a column of a workload.
type panel struct {
	workload, key, title string
}

// panels are the figures that matter most: what a request, an event and an
// open stream cost.
func (b *bench) panels() []panel {
	return []panel{
		{"json-64", "cpu", "CPU µs per JSON request"},
		{"sse-64", "cpu", "CPU µs per SSE event, one every 5 ms"},
		{fmt.Sprintf("memory-%d", b.streams[len(b.streams)-1]), "rss", "KiB per open, idle stream"},
	}
}

// Greys and a blue that stand out from white and from near-black alike, since
// a picture in a README does not know which it is shown on.
const (
	textColour = "#768390"
	peerColour = "#8b949e"
	oursColour = "#2f81f7"
)

const (
	chartWidth = 720
	barLeft    = 110
	barWidth   = 480
	barHeight  = 16
	barStep    = 24

	// A bar this many times as long as the shortest is cut, or the others
	// could not be told apart.
	longestRatio = 20
)

// chart draws horizontal bars, panel below panel, each from zero.
func (b *bench) chart() string {
	var s strings.Builder
	y := 10
	for _, p := range b.panels() {
		if r := b.result(p.workload); r != nil {
			y = r.drawPanel(&s, p, y)
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>CPU time and memory of AI Gateway Lite and other proxies: shorter is better</title>
%s</svg>
`, chartWidth, y+10, s.String())
}

func (b *bench) result(name string) *result {
	for _, r := range b.results {
		if r.workload.name == name {
			return r
		}
	}
	return nil
}

// drawPanel draws the bars of one column from y down and returns where the
// next panel begins.
func (r *result) drawPanel(s *strings.Builder, p panel, y int) int {
	c := r.column(p.key)
	medians := map[string]float64{}
	for _, name := range r.peers {
		if v := r.values(name, c); len(v) > 0 {
			medians[name] = spreadOf(v).median
		}
	}
	longest := barScale(medians)
	if longest <= 0 {
		return y
	}
	y += 14
	fmt.Fprintf(s, `<text x="0" y="%d" fill="%s" font-weight="600">%s</text>`+"\n", y, textColour, p.title)
	y += 12
	for _, name := range r.peers {
		v, ok := medians[name]
		if !ok {
			continue
		}
		colour := peerColour
		if strings.HasPrefix(name, "gateway") {
			colour = oursColour
		}
		length, label := max(1, v/longest*barWidth), number(v, 1)
		if length > barWidth {
			length, label = barWidth, label+", bar cut"
		}
		base := y + barHeight - 4
		fmt.Fprintf(s, `<text x="%d" y="%d" fill="%s" text-anchor="end">%s</text>`, barLeft-10, base, textColour, name)
		fmt.Fprintf(s, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`, barLeft, y, length, barHeight, colour)
		fmt.Fprintf(s, `<text x="%.1f" y="%d" fill="%s">%s</text>`+"\n", barLeft+length+8, base, textColour, label)
		y += barStep
	}
	return y + 16
}

// barScale is the value of a bar of full width.
func barScale(values map[string]float64) float64 {
	shortest := math.Inf(1)
	for _, v := range values {
		shortest = min(shortest, v)
	}
	scale := 0.0
	for _, v := range values {
		if v <= longestRatio*shortest {
			scale = max(scale, v)
		}
	}
	return scale
}

func (r *result) column(key string) column {
	for _, c := range r.workload.columns {
		if c.key == key {
			return c
		}
	}
	return column{}
}
