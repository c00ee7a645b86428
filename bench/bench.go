package main

import (
	"errors"
	"fmt"
	"io"
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
	results   []*result
	began     time.Time
}

// A workload is one kind of traffic.
type workload struct {
	name    string
	title   string
	columns []column
	tls     bool     // needs the proxy to serve TLS
	direct  bool     // measured without a proxy as well
	only    []string // peers that take part, if not all
	run     func(b *bench, t *target) (figures, error)
}

// column is one figure of a workload.
type column struct {
	key, title string
	added      bool // shown as the difference to the direct row of the same round
	digits     int
}

// figures are one measurement, by column key.
type figures map[string]float64

// result is what a workload showed: per peer the figures of each round.
type result struct {
	workload workload
	peers    []string             // in order, direct first
	rounds   map[string][]figures // nil where a round failed
	failed   map[string][]error
	others   float64 // the most of a core that strangers used, in percent
}

func newBench(o options) (b *bench, err error) {
	b = &bench{options: o, began: time.Now()}
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
	b.peers, err = chosenPeers(allPeers(o, b.dir), o.peers)
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
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// findPeers keeps the peers that are here, and says which are not.
func (b *bench) findPeers() {
	b.peers = slices.DeleteFunc(b.peers, func(p *peer) bool {
		if p.version, p.skipped = p.find(); p.skipped != nil {
			b.note("%s skipped: %v", p.name, p.skipped)
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

// runAll measures every workload with every peer, in turns. It goes on after a
// failure, which it returns at the end.
func (b *bench) runAll() error {
	b.findPeers()
	var failures []error
	for _, w := range b.workloads {
		r, err := b.runWorkload(w)
		if err != nil {
			return err
		}
		if len(r.peers) == 0 {
			continue
		}
		b.results = append(b.results, r)
		r.print(os.Stdout)
		for _, name := range r.peers {
			for _, err := range r.failed[name] {
				first, _, _ := strings.Cut(err.Error(), "\n")
				failures = append(failures, fmt.Errorf("%s: %s: %s", w.name, name, first))
			}
		}
	}
	return errors.Join(failures...)
}

// triesPerWorkload is how many failures of a peer end its part in a workload.
const triesPerWorkload = 2

func (b *bench) runWorkload(w workload) (*result, error) {
	r := &result{workload: w, rounds: map[string][]figures{}, failed: map[string][]error{}}
	var turns []*peer
	if w.direct {
		turns = append(turns, &peer{name: direct})
	}
	for _, p := range b.peers {
		if (w.only == nil || slices.Contains(w.only, p.name)) && takesPart(p, w) {
			turns = append(turns, p)
		}
	}
	if len(turns) == 0 || w.direct && len(turns) == 1 {
		return r, nil
	}
	for _, p := range turns {
		r.peers = append(r.peers, p.name)
	}
	fmt.Printf("\n%s: %s\n", w.name, w.title)
	for round := range b.options.rounds {
		for _, p := range turns {
			if len(r.failed[p.name]) == triesPerWorkload {
				continue
			}
			f, err := b.measure(w, p)
			if errors.Is(err, errInterrupted) {
				return nil, err
			}
			r.rounds[p.name] = append(r.rounds[p.name], f)
			if err != nil {
				r.failed[p.name] = append(r.failed[p.name], err)
				fmt.Printf("  round %d  %-12s failed: %v\n", round+1, p.name, err)
				continue
			}
			r.others = max(r.others, f["others"])
			fmt.Printf("  round %d  %-12s %s\n", round+1, p.name, f.line(w))
		}
	}
	return r, nil
}

// takesPart reports whether p is meant for w.
func takesPart(p *peer, w workload) bool {
	if w.tls && p.plainOnly {
		return false
	}
	return p.only == nil || slices.ContainsFunc(p.only, func(prefix string) bool { return strings.HasPrefix(w.name, prefix) })
}

// measure starts p afresh, runs w on it once and ends it.
func (b *bench) measure(w workload, p *peer) (figures, error) {
	runtime.GC()
	defer b.upstream.closeAll()
	if p.name == direct {
		return w.run(b, &target{name: direct, addr: b.upstream.addr, auth: providerKey})
	}
	s := site{upstream: b.upstream.addr}
	var err error
	if s.listen, err = freePort(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(b.dir, p.name+"-"); err != nil {
		return nil, err
	}
	t := &target{name: p.name, addr: s.listen, prefix: "/openai", auth: clientToken}
	if w.tls {
		s.cert = b.cert
		t.tls = b.cert.clientConfig("http/1.1")
	}
	argv, env, err := p.command(s)
	if err != nil {
		return nil, err
	}
	if p.adapt != nil {
		p.adapt(t, s)
	}
	if t.proc, err = startProcess(argv, env, s.dir, b.options.proxyCore, s.listen.String()); err != nil {
		return nil, err
	}
	defer t.proc.stop()
	f, err := w.run(b, t)
	if err != nil && !errors.Is(err, errInterrupted) {
		err = fmt.Errorf("%w (%s)", err, t.proc.lastWords())
	}
	if b.options.verbose {
		fmt.Println(filepath.Base(s.dir), "says:", t.proc.lastWords())
	}
	return f, err
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
	if err := b.loop.runFor(b.options.warmup); err != nil {
		return usage{}, err
	}
	m, err := startMeter(t.pids())
	if err != nil {
		return usage{}, err
	}
	begin()
	if err := b.loop.runFor(b.options.seconds); err != nil {
		return usage{}, err
	}
	return m.stop()
}

// busy adds to f how busy everything was, by which a reader can judge it.
func (f figures) busy(u usage) figures {
	f["busy"] = share(u.proxy, u.wall)
	f["load"] = share(u.load, u.wall)
	f["others"] = share(u.others, u.wall)
	return f
}
