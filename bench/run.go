package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

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
