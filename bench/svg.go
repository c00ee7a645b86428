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
func (rep *report) panels() []panel {
	all := []panel{
		{"json-64", "cpu", "CPU time per JSON request, µs (1.2 KB answers, 64 connections)"},
		{"sse-64", "cpu", "CPU time per streamed event, µs (64 streams, an event every 5 ms)"},
	}
	for i := len(rep.Results) - 1; i >= 0; i-- { // the greatest number of streams
		name := rep.Results[i].Name
		if streams, ok := strings.CutPrefix(name, memoryName); ok {
			return append(all, panel{name, "rss", "Memory per open, idle stream, KiB (" + streams + " streams)"})
		}
	}
	return all
}

// Greys and a blue that stand out from white and from near-black alike, since
// a picture in a README does not know which it is shown on.
const (
	textColour = "#768390"
	peerColour = "#8b949e"
	oursColour = "#2f81f7"
)

const (
	chartWidth = 760
	barLeft    = 200
	barWidth   = 470
	barHeight  = 16
	barStep    = 24

	// A bar this many times as long as the shortest is broken, or the others
	// could not be told apart.
	longestRatio = 6
)

// chart draws horizontal bars, panel below panel, each from zero.
func (rep *report) chart() string {
	var s strings.Builder
	y := 8
	var from *setting // of the first panel
	for _, p := range rep.panels() {
		if r := rep.result(p.workload); r != nil {
			y = r.drawPanel(&s, p, y)
			if from == nil {
				from = &rep.Runs[r.Run]
			}
		}
	}
	if from != nil {
		fmt.Fprintf(&s, `<text x="4" y="%d" fill="%s" font-size="12">Shorter is better. One core for the proxy, medians of %d rounds, %s, commit %s.</text>`+"\n",
			y+8, textColour, from.Rounds, from.Began.UTC().Format("January 2006"), from.Commit)
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13" role="img">
<title>CPU time and memory of AI Gateway Lite and other proxies: shorter is better</title>
%[3]s</svg>
`, chartWidth, y+18, s.String())
}

// drawPanel draws the bars of one column from y down and returns where the
// next panel begins.
func (r *result) drawPanel(s *strings.Builder, p panel, y int) int {
	medians := map[string]float64{}
	for _, name := range r.Peers {
		if v := r.values(name, column{Key: p.key}); len(v) > 0 {
			medians[name] = spreadOf(v).median
		}
	}
	longest := barScale(medians)
	if longest <= 0 {
		return y
	}
	y += 14
	fmt.Fprintf(s, `<text x="4" y="%d" fill="%s" font-size="14" font-weight="600">%s</text>`+"\n", y, textColour, p.title)
	y += 12
	for _, name := range r.Peers {
		if v, ok := medians[name]; ok {
			drawBar(s, name, v, v/longest*barWidth, y)
			y += barStep
		}
	}
	return y + 14
}

// drawBar draws a bar of that length with its name and value; one that is too
// long is broken near its end.
func drawBar(s *strings.Builder, name string, v, length float64, y int) {
	colour, weight, opacity := peerColour, "400", "1"
	if strings.HasPrefix(name, "gateway") {
		colour, weight = oursColour, "600"
	}
	label := properName(name)
	switch name {
	case "gateway-watching":
		label, weight, opacity = "… watching", "400", "0.65"
	case "gateway-full":
		label, weight, opacity = "… with everything on", "400", "0.65"
	}
	const gap, end = 5, 12
	rect := func(x, width float64) {
		fmt.Fprintf(s, `<rect x="%.1f" y="%d" width="%.1f" height="%d" rx="2" fill="%s" fill-opacity="%s"/>`, x, y, width, barHeight, colour, opacity)
	}
	base := y + barHeight - 4
	fmt.Fprintf(s, `<text x="%d" y="%d" fill="%s" font-weight="%s" text-anchor="end">%s</text>`, barLeft-10, base, textColour, weight, label)
	if broken := length > barWidth; broken {
		length = barWidth
		rect(barLeft, barWidth-gap-end)
		rect(barLeft+barWidth-end, end)
	} else {
		length = max(1, length)
		rect(barLeft, length)
	}
	fmt.Fprintf(s, `<text x="%.1f" y="%d" fill="%s" font-weight="%s">%s</text>`+"\n", barLeft+length+8, base, textColour, weight, number(v, 1))
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
