package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/observe"
	"ai-gw-lite/internal/server"
	"ai-gw-lite/internal/upstream"
)

func newServe() *cobra.Command {
	return withConfig(&cobra.Command{
		Use:   "serve --config FILE",
		Short: "Serve (the same as no command at all)",
	}, serve)
}

func serve(path string) error {
	if path == "" {
		return errNoConfig
	}
	caught := catchSignals()
	lines := observe.NewLines(os.Stderr)
	defer lines.Flush(time.Second)
	log := slog.New(slog.NewTextHandler(lines, nil))
	reloader := server.NewReloader(path, log)
	c, err := reloader.Load()
	if err != nil {
		return exitError{exitUsage, err}
	}
	service, err := start(c, log)
	if err != nil {
		return failure(err)
	}
	reloader.Apply = service.Apply
	r := &running{log: log, service: service, reloader: reloader, signals: caught}
	return r.run()
}

// start begins to serve. Clients can connect once it returns.
func start(c *config.Config, log *slog.Logger) (*server.Service, error) {
	g := gateway.New(upstream.NewDialer(nil), observe.NewFailures(log))
	s := server.NewService(g, server.Listen, log)
	if err := s.Apply(c); err != nil {
		return nil, err
	}
	ln, _ := s.Listener()
	log.Info("serving", "address", ln.Addr().String(), "tls", c.InboundTLS != nil, "routes", len(c.Routes), "version", versionText())
	return s, nil
}

// running is a gateway that serves until it is told to stop.
type running struct {
	log      *slog.Logger
	service  *server.Service
	reloader *server.Reloader // nil: there is no file to read again
	signals  signals
}

func (r *running) run() error {
	reloads, noMore := context.WithCancel(context.Background())
	defer noMore()
	if r.reloader != nil {
		go r.reloader.Run(reloads)
	}
	for {
		select {
		case err := <-r.service.Lost():
			return failure(err)
		case <-r.signals.reload:
			r.reloader.Ask()
		case <-r.signals.stop:
			noMore()
			return r.stop()
		}
	}
}

// stop drains. A second signal ends it at once.
func (r *running) stop() error {
	drained := make(chan struct{})
	go func() { r.drain(); close(drained) }()
	select {
	case <-drained:
		return nil
	case <-r.signals.stop:
		return failure(errors.New("stopped before the drain was over"))
	}
}

// drain lets load balancers notice, then what is in flight come to its end.
func (r *running) drain() {
	shutdown := r.service.Config().Shutdown
	r.log.Info("draining", "delay", shutdown.Delay, "timeout", shutdown.DrainTimeout)
	r.service.Announce()
	time.Sleep(shutdown.Delay)
	r.service.StartDrain()
	ctx, cancel := context.WithTimeout(context.Background(), shutdown.DrainTimeout)
	defer cancel()
	broken := r.service.Drain(ctx)
	r.log.Info("stopped", "broken_off", broken)
}
