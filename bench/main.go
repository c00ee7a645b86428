// Command bench compares AI Gateway Lite with other reverse proxies doing the
// same job on the same machine: strip a prefix, check the client's token, swap
// it for the provider's key, and relay JSON answers and streams unbuffered.
//
// The simulated provider and the load generator are one event loop on one
// core; the proxy under test runs alone on another. A fresh process is started
// for every figure, peers take turns (A B C A B C …), and every answer is
// checked while it is measured. Linux only: it needs epoll and /proc.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// The event loop stays on the main thread, so that its affinity, its timer
// slack and the death signal of the processes it starts are its own.
func init() { runtime.LockOSThread() }

// options are the flags as given.
type options struct {
	only, peers   string
	resume        bool
	rounds        int
	seconds       time.Duration
	warmup        time.Duration
	short         bool
	write         bool
	out           string
	gateway       string
	streams       string
	loadCore      int
	proxyCore     int
	list, verbose bool
}

func main() {
	var o options
	var seconds, warmup float64
	flag.StringVar(&o.only, "only", "", "comma-separated workloads to run; the beginning of a name stands for all that begin so")
	flag.StringVar(&o.peers, "peers", "", "comma-separated peers to run (default: all that are found)")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each peer is measured on each workload")
	flag.Float64Var(&seconds, "seconds", 5, "how long one measurement lasts")
	flag.Float64Var(&warmup, "warmup", 1, "seconds of load before a measurement begins")
	flag.BoolVar(&o.short, "short", false, "a quick run of everything: 2 rounds of 1 s, fewer idle streams")
	flag.BoolVar(&o.write, "write", false, "write a run that is not complete too: its workloads take their place in the report that is there")
	flag.BoolVar(&o.resume, "resume", false, "go on with a complete run that was cut off: workloads in the report from the same commit and flags are not measured again")
	flag.StringVar(&o.out, "out", ".", "folder for RESULTS.md, results.svg and results.json")
	flag.StringVar(&o.gateway, "gateway", "", "gateway binary (default: build ../cmd/ai-gw-lite)")
	flag.StringVar(&o.streams, "streams", "2000,10000", "numbers of idle streams for the memory workload, ascending")
	flag.IntVar(&o.loadCore, "load-core", 0, "core for the upstream and the load generator; -1: do not pin")
	flag.IntVar(&o.proxyCore, "proxy-core", 1, "core for the proxy; -1: do not pin")
	flag.BoolVar(&o.list, "list", false, "list workloads and peers, then exit")
	flag.BoolVar(&o.verbose, "v", false, "show what the proxies write to stderr")
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if o.short {
		shorten(&o, &seconds, &warmup, given)
	}
	o.seconds = time.Duration(seconds * float64(time.Second))
	o.warmup = time.Duration(warmup * float64(time.Second))

	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// shorten applies -short to everything that was not set by a flag of its own.
func shorten(o *options, seconds, warmup *float64, given map[string]bool) {
	if !given["rounds"] {
		o.rounds = 2
	}
	if !given["seconds"] {
		*seconds = 1
	}
	if !given["warmup"] {
		*warmup = 0.3
	}
	if !given["streams"] {
		o.streams = "500,2000"
	}
}

func run(o options) error {
	debug.SetGCPercent(1000) // the load generator's own collections are noise
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if o.rounds < 1 || o.seconds <= 0 || o.warmup < 0 {
		return errors.New("-rounds and -seconds must be positive")
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	if o.list {
		return b.list(os.Stdout)
	}

	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-interrupt
		b.loop.interrupt()
	}()

	rep, err := b.openReport()
	if err != nil {
		return err
	}
	err = b.runAll(rep)
	switch {
	case rep.dir == "":
		fmt.Println("\nA partial run: no report written (-write does).")
	case errors.Is(err, errInterrupted):
		fmt.Println("\nWhat was measured is kept: -resume goes on from here.")
	}
	if err != nil {
		return err
	}
	fmt.Printf("\nDone in %s.\n", time.Since(b.began).Round(time.Second))
	return nil
}

// openReport is an empty one for a complete run, and otherwise one that goes on
// with what is there.
func (b *bench) openReport() (*report, error) {
	o := b.options
	var order []string
	for _, w := range allWorkloads(b) {
		order = append(order, w.name)
	}
	rep := newReport(order)
	complete := !o.short && o.only == "" && o.peers == ""
	if complete || o.resume || o.write {
		rep.dir = o.out
	}
	if !o.resume && (complete || !o.write) {
		return rep, nil
	}
	if err := rep.load(o.out); err != nil {
		return nil, err
	}
	if o.resume {
		rep.keepAlike(b.setting())
	}
	return rep, nil
}

// setting is how this run is made.
func (b *bench) setting() setting {
	o := b.options
	s := setting{
		Began: b.began, Command: strings.TrimSpace("go run . " + strings.Join(os.Args[1:], " ")),
		Commit: b.commit, Machine: machine(),
		Rounds: o.rounds, Seconds: o.seconds.Seconds(), Warmup: o.warmup.Seconds(),
		LoadCore: o.loadCore, ProxyCore: o.proxyCore, Notes: b.notes,
	}
	for _, p := range b.peers {
		if !strings.HasPrefix(p.name, "gateway-") { // the same binary
			s.Versions = append(s.Versions, p.version)
		}
	}
	return s
}
