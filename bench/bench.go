package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
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
	Rounds      map[string][]figures // a peer's are in vain once it failed
	Failed      map[string]string    // how
	Others      float64              // the most of a core that strangers used, in percent
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

// findPeers keeps the peers that are here, and says which are not.
func (b *bench) findPeers() {
	b.peers = slices.DeleteFunc(b.peers, func(p *peer) bool {
		if p.version, p.skipped = p.find(); p.skipped != nil {
			b.note("%s left out: %v", p.name, p.skipped)
		} else {
			fmt.Printf("%-12s %s\n", p.name, p.version)
		}
		return p.skipped != nil
	})
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

// runAll measures every workload with every peer, in turns, and keeps what each
// showed. It goes on after a failure, which it returns at the end.
func (b *bench) runAll(rep *report) error {
	b.findPeers()
	probed := b.probeAll()
	failures := []error{probed}
	for _, w := range b.workloads {
		if b.options.resume && rep.result(w.name) != nil {
			fmt.Printf("\n%s: measured before\n", w.name)
			continue
		}
		r, err := b.runWorkload(w)
		if err != nil {
			return err
		}
		if len(r.Peers) == 0 {
			continue
		}
		r.print(os.Stdout)
		for _, name := range r.Peers {
			if why := r.Failed[name]; why != "" {
				failures = append(failures, fmt.Errorf("%s: %s: %s", w.name, name, why))
			}
		}
		if err := rep.keep(r, b.setting()); err != nil {
			return err
		}
	}
	return errors.Join(failures...)
}

// runWorkload ends a peer's part with its first failure: a figure from the
// rounds that happened to go well would say nothing.
func (b *bench) runWorkload(w workload) (*result, error) {
	r := &result{Name: w.name, Title: w.title, Columns: w.columns, Rounds: map[string][]figures{}, Failed: map[string]string{}}
	var turns []*peer
	if w.direct {
		turns = append(turns, &peer{name: direct})
	}
	for _, p := range b.peers {
		if p.takesPart(w) {
			turns = append(turns, p)
		}
	}
	if len(turns) == 0 || w.direct && len(turns) == 1 {
		return r, nil
	}
	for _, p := range turns {
		r.Peers = append(r.Peers, p.name)
	}
	fmt.Printf("\n%s: %s (%s since the start)\n", w.name, w.title, time.Since(b.began).Round(time.Second))
	for round := range b.options.rounds {
		for _, p := range turns {
			if r.Failed[p.name] != "" {
				continue
			}
			f, err := b.measure(w, p)
			if errors.Is(err, errInterrupted) {
				return nil, err
			}
			if err != nil {
				r.Failed[p.name], _, _ = strings.Cut(err.Error(), "\n")
				fmt.Printf("  round %d  %-12s failed: %v\n", round+1, p.name, err)
				continue
			}
			r.Rounds[p.name] = append(r.Rounds[p.name], f.rounded())
			r.Others = max(r.Others, f["others"])
			fmt.Printf("  round %d  %-12s %s\n", round+1, p.name, f.line(w))
		}
	}
	return r, nil
}

// measure starts p afresh, runs w on it once and ends it.
func (b *bench) measure(w workload, p *peer) (figures, error) {
	runtime.GC()
	defer b.upstream.closeAll()
	if p.name == direct {
		return w.run(b, &target{name: direct, addr: b.upstream.addr, auth: providerKey})
	}
	t, s, err := b.start(p, w.tls)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(s.dir)
	defer t.proc.stop()
	f, err := w.run(b, t)
	if err == nil && p.verify != nil {
		err = p.verify(b, s)
	}
	if err != nil && !errors.Is(err, errInterrupted) {
		err = fmt.Errorf("%w (%s)", err, t.proc.lastWords())
	}
	if b.options.verbose {
		fmt.Println(filepath.Base(s.dir), "says:", t.proc.lastWords())
	}
	return f, err
}

// start sets p up in a folder of its own, which is the caller's to remove, and
// runs it.
func (b *bench) start(p *peer, tls bool) (*target, site, error) {
	s := site{upstream: b.upstream.addr}
	var err error
	if s.listen, err = freePort(); err != nil {
		return nil, s, err
	}
	if s.dir, err = os.MkdirTemp(b.dir, p.name+"-"); err != nil {
		return nil, s, err
	}
	t := &target{name: p.name, addr: s.listen, prefix: "/openai", auth: clientToken}
	if tls {
		s.cert = b.cert
		t.tls = b.cert.clientConfig("http/1.1")
	}
	argv, env, err := p.command(s)
	if err != nil {
		return nil, s, err
	}
	if p.adapt != nil {
		p.adapt(t, s)
	}
	t.proc, err = startProcess(argv, env, s.dir, b.options.proxyCore, s.listen.String())
	return t, s, err
}

// pids are the proxy's processes; none for the upstream itself.
func (t *target) pids() []int {
	if t.proc == nil {
		return nil
	}
	return t.proc.tree()
}

// window lets the load that was started warm up, calls begin, and measures the
// time that follows.
func (b *bench) window(t *target, begin func()) (usage, error) {
	return b.windowOf(b.options.seconds, t, begin)
}

func (b *bench) windowOf(d time.Duration, t *target, begin func()) (usage, error) {
	if err := b.loop.runFor(b.options.warmup); err != nil {
		return usage{}, err
	}
	m, err := startMeter(t.pids())
	if err != nil {
		return usage{}, err
	}
	begin()
	if err := b.loop.runFor(d); err != nil {
		return usage{}, err
	}
	return m.stop()
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
