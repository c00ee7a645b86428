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
	rounds        int
	seconds       time.Duration
	warmup        time.Duration
	short         bool
	write         bool
	out           string
	gateway       string
	fullConfig    string
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
	flag.BoolVar(&o.write, "write", false, "write the report even if this is not a complete run")
	flag.StringVar(&o.out, "out", ".", "folder for RESULTS.md and results.svg")
	flag.StringVar(&o.gateway, "gateway", "", "gateway binary (default: build ../cmd/ai-gw-lite)")
	flag.StringVar(&o.fullConfig, "full-config", "", "also measure the gateway with this config file, which may use ${BENCH_LISTEN} and ${BENCH_UPSTREAM}")
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

	runErr := b.runAll()
	if errors.Is(runErr, errInterrupted) {
		return runErr
	}
	complete := !o.short && o.only == "" && o.peers == ""
	if complete || o.write {
		if err := b.writeReport(o.out, "go run . "+strings.Join(os.Args[1:], " ")); err != nil {
			return err
		}
	} else {
		fmt.Println("\nA partial run: no report written (-write does).")
	}
	return runErr
}
