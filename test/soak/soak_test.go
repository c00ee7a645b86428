package soak

import (
	"flag"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	length  = flag.Duration("soak", 3*time.Second, "how `long` the load lasts")
	seed    = flag.Uint64("seed", 0, "the `number` that decides what happens; 0: another one each time")
	only    = flag.String("only", ".", "only kinds of exchange that match this `regexp`")
	single  = flag.Uint64("id", 0, "only the exchange of this `number`, over and over")
	workers = flag.Int("workers", 24, "how `many` exchanges go on at a time")
	reload  = flag.Duration("reload", 200*time.Millisecond, "how `often` the configuration is changed and SIGHUP sent; 0: never")
)

const (
	// patience is how long anything may stand still.
	patience = 25 * time.Second
	// brief is the budget of requests that are to outlast it.
	brief = 700 * time.Millisecond
	// workerShift parts an exchange's number: above it stands its worker's.
	workerShift = 32
	// stragglers is how many exchanges of a worker the provider remembers: what
	// is left of one may arrive after its client has gone.
	stragglers = 8
)

func TestNothingIsMixedUpLostOrHeldWhateverGoesWrong(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGQUIT")
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) % 1e6
	}
	y := newTally(t, *seed)
	certificate, rootFile := newCertificate(t)
	u := startProvider(t, y, certificate)
	binary := build(t)
	gateways := []*process{startProcess(t, binary, false, u, rootFile), startProcess(t, binary, true, u, rootFile)}
	calm := startProcess(t, binary, false, u, rootFile).quit()
	before := settledDescriptors(gateways)

	watch := watchMemory(gateways)
	load(t, y, u, gateways)
	watch.stop(y)
	t.Logf("seed %d, %v, %d exchanges\n%s", *seed, *length, y.total(), y)

	for _, g := range gateways {
		probeSlots(g, u, y)
	}
	checkDescriptors(y, gateways, u, before)
	for _, g := range gateways {
		for by, n := range g.quit() {
			if n > calm[by] && !strings.HasPrefix(by, "runtime.") {
				y.problem("%d goroutines begun by %s are left, in a fresh gateway it is %d", n, by, calm[by])
			}
		}
		t.Logf("%s: %d reloads, %d cooldowns, %d bodies too large to be sent again; causes of 5xx: %v", g.url(), g.log.reloads, g.log.cooldowns, g.log.tooLarge, g.log.causes)
		if *reload > 0 && *length > 4*(*reload) && g.log.reloads == 0 {
			y.problem("no reload has worked")
		}
		told, _, _ := strings.Cut(g.log.String(), "SIGQUIT")
		told, _, _ = strings.Cut(told, "SCHED ") // which precedes it: docs/decisions/0005
		for line := range strings.Lines(told) {
			if !strings.Contains(line, "level=INFO") {
				y.problem("the gateway said: %s", told)
				break
			}
		}
	}
}

// load has exchanges going on until the time is over.
func load(t *testing.T, y *tally, u *provider, gateways []*process) {
	match, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(*length)
	var busy sync.WaitGroup
	shared := map[*process]*client2{}
	for _, g := range gateways {
		shared[g] = newClient2(g)
		defer shared[g].reset()
	}
	for number := range uint64(*workers) {
		i := number
		if *single != 0 {
			i = *single >> workerShift
		}
		g, http2 := gateways[i%2], i/2%2 == 1
		w := &worker{number: number, tally: y, provider: u, http2: http2, only: match}
		if c := (&client1{to: g}); http2 {
			w.do = shared[g].do
		} else {
			w.do = c.do
			defer c.drop()
		}
		busy.Go(func() { w.work(until) })
	}
	reloads := time.NewTicker(max(*reload, time.Millisecond))
	defer reloads.Stop()
	if *reload == 0 {
		reloads.Stop()
	}
	done := make(chan struct{})
	go func() { busy.Wait(); close(done) }()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-reloads.C:
			gateways[n%2].reload(n / 2)
		}
	}
}

// worker makes one exchange after the other.
type worker struct {
	number   uint64
	tally    *tally
	provider *provider
	http2    bool
	only     *regexp.Regexp
	do       func(*plan) outcome
}

func (w *worker) work(until time.Time) {
	for n := uint64(1); time.Now().Before(until) && !w.tally.hopeless(); n++ {
		turn := w.number<<workerShift | n
		id := turn
		if *single != 0 {
			id = *single
		}
		p, k := newPlan(w.tally.seed, id, w.http2, w.only, roots())
		if p == nil {
			return
		}
		p.Turn = turn
		o := w.do(p)
		w.provider.forget(turn - stragglers)
		w.tally.ended(p, &o)
		if !k.ok(p, &o) {
			w.tally.failed(p, "its client got %s", &o)
		}
	}
}
