package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bench is one run: the loop with the upstream, the peers, and what was found.
type bench struct {
	options   options
	loop      *loop
	upstream  *upstream
	dir       string // everything that is written while measuring
	cert      *certificate
	peers     []*peer
	workloads []workload
	streams   []int // for the memory workload
	notes     []string
	began     time.Time
	commit    string
}

// A workload is one kind of traffic.
type workload struct {
	name    string
	title   string
	columns []column
	tls     bool     // needs the proxy to serve TLS
	direct  bool     // measured without a proxy as well
	only    []string // peers that take part, if not all that can
	run     func(b *bench, t *target) (figures, error)
}

// column is one figure of a workload.
type column struct {
	Key, Title string
	Added      bool `json:",omitempty"` // shown as the difference to the direct row of the same round
	Digits     int  `json:",omitempty"`
}

// figures are one measurement, by column key.
type figures map[string]float64

// result is what a workload showed: per peer the figures of each round. It says
// all that the report needs, since it may have been kept from an earlier run.
type result struct {
	Name, Title string
	Columns     []column
	Peers       []string             // in order, direct first
	Rounds      map[string][]figures // a peer's mean nothing once it failed
	Failed      map[string]string    // how
	Others      float64              // the most of a core that other processes used, in percent
	Run         int                  // which run of the report it is from
}

func newBench(o options) (b *bench, err error) {
	b = &bench{options: o, began: time.Now(), commit: sourceCommit()}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "ai-gw-bench-"); err != nil {
		return nil, err
	}
	if err := b.pin(); err != nil {
		return nil, err
	}
	if b.streams, err = b.parseStreams(o.streams); err != nil {
		return nil, err
	}
	if b.cert, err = makeCertificate(b.dir); err != nil {
		return nil, err
	}
	if b.loop, err = newLoop(); err != nil {
		return nil, err
	}
	if b.upstream, err = startUpstream(b.loop); err != nil {
		return nil, err
	}
	if b.workloads, err = chosenWorkloads(b, o.only); err != nil {
		return nil, err
	}
	b.peers, err = chosenPeers(allPeers(o.gateway, b.dir), o.peers)
	return b, err
}

func (b *bench) close() {
	if b.upstream != nil {
		b.upstream.close()
	}
	if b.loop != nil {
		b.loop.close()
	}
	os.RemoveAll(b.dir)
}

// pin gives upstream and load generator one core and the proxy another.
func (b *bench) pin() error {
	cores, err := affinity(0)
	if err != nil {
		return err
	}
	for _, core := range []*int{&b.options.loadCore, &b.options.proxyCore} {
		if *core >= 0 && (*core >= 1024 || cores[*core/64]&(1<<(*core%64)) == 0) {
			b.note("not pinned: there is no core %d here", *core)
			b.options.loadCore, b.options.proxyCore = -1, -1
			return nil
		}
	}
	if b.options.loadCore < 0 {
		return nil
	}
	return pinSelf(b.options.loadCore)
}

// parseStreams reads -streams, and lowers what the file limit does not allow:
// every stream takes two descriptors here, and two in the proxy.
func (b *bench) parseStreams(list string) ([]int, error) {
	var counts []int
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 || len(counts) > 0 && n <= counts[len(counts)-1] {
			return nil, fmt.Errorf("-streams %q: want ascending numbers", list)
		}
		counts = append(counts, n)
	}
	const beside = 200
	allowed := int(raiseFileLimit(uint64(max(65536, 2*counts[len(counts)-1]+beside)))-beside) / 2
	for i, n := range counts {
		if n > allowed {
			b.note("%d idle streams lowered to %d: the limit on open files allows no more", n, allowed)
			return append(counts[:i:i], allowed), nil
		}
	}
	return counts, nil
}

func (b *bench) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(b.notes, text) {
		b.notes = append(b.notes, text)
		fmt.Println("note:", text)
	}
}

// chosenWorkloads picks by name or, where there is no such name, by its
// beginning.
func chosenWorkloads(b *bench, only string) ([]workload, error) {
	all := allWorkloads(b)
	if only == "" {
		return all, nil
	}
	chosen := map[string]bool{}
	for word := range strings.SplitSeq(only, ",") {
		exact := slices.ContainsFunc(all, func(w workload) bool { return w.name == word })
		before := len(chosen)
		for _, w := range all {
			if w.name == word || !exact && strings.HasPrefix(w.name, word) {
				chosen[w.name] = true
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("-only %q: no further workload begins like that (-list shows them)", word)
		}
	}
	return slices.DeleteFunc(all, func(w workload) bool { return !chosen[w.name] }), nil
}

func chosenPeers(all []*peer, names string) ([]*peer, error) {
	if names == "" {
		return all, nil
	}
	var chosen []*peer
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(p *peer) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-peers: there is no peer %q (-list shows them)", name)
		}
		all[i].usually = nil
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (b *bench) list(w io.Writer) error {
	fmt.Fprintln(w, "workloads:")
	for _, wl := range b.workloads {
		fmt.Fprintf(w, "  %-14s %s\n", wl.name, wl.title)
	}
	fmt.Fprintln(w, "peers:")
	for _, p := range b.peers {
		fmt.Fprintf(w, "  %s\n", p.name)
	}
	return nil
}

// rounded keeps three decimals, which is more than is known.
func (f figures) rounded() figures {
	g := figures{}
	for key, v := range f {
		g[key] = math.Round(v*1000) / 1000
	}
	return g
}

// busy adds to f how busy everything was, by which a reader can judge it.
func (f figures) busy(u usage) figures {
	f["busy"] = share(u.proxy, u.wall)
	f["load"] = share(u.load, u.wall)
	f["others"] = share(u.others, u.wall)
	return f
}
