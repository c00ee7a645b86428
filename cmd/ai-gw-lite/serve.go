package main

import (
	"context"
	"errors"
	"log/slog"
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
	watched, err := observe.New(observe.Options{Config: new(config.Config), Version: versionText()})
	if err != nil {
		return failure(err)
	}
	defer watched.Close(time.Second)
	reloader := server.NewReloader(path, watched.Log())
	c, err := reloader.Load()
	if err != nil {
		return exitError{exitUsage, err}
	}
	service := newService(watched)
	reloader.Apply = func(c *config.Config) error { return apply(c, service, watched) }
	reloader.Ended = watched.Reloaded
	if err := reloader.Apply(c); err != nil {
		return failure(err)
	}
	sayServing(c, service, watched.Log())
	r := &running{log: watched.Log(), service: service, reloader: reloader, signals: caught}
	return r.run()
}

// newService makes the gateway, with everybody who watches it, ready for a
// configuration.
func newService(watched *observe.Observatory) *server.Service {
	g := gateway.New(upstream.NewDialer(nil), watched)
	g.OnRest(watched.Resting)
	watched.Rests(g.Rests)
	operator := &server.Operator{
		MetricsType: observe.MetricsType, Metrics: watched.MetricsText,
		StreamsType: observe.StreamsType, Streams: watched.StreamsText,
	}
	return server.NewService(g, server.Listen, operator, watched.Log())
}

// apply puts a configuration in force, or changes nothing.
func apply(c *config.Config, service *server.Service, watched *observe.Observatory) error {
	if err := service.Apply(c); err != nil {
		return err
	}
	return watched.Reconfigure(c)
}

func sayServing(c *config.Config, service *server.Service, log *slog.Logger) {
	ln, _ := service.Listener()
	log.Info("serving", "address", ln.Addr().String(), "tls", c.InboundTLS != nil, "routes", len(c.Routes), "version", versionText())
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
	r.log.Info("draining", "delay", shutdown.Delay.String(), "timeout", shutdown.DrainTimeout.String())
	r.service.Announce()
	time.Sleep(shutdown.Delay)
	r.service.StartDrain()
	ctx, cancel := context.WithTimeout(context.Background(), shutdown.DrainTimeout)
	defer cancel()
	broken := r.service.Drain(ctx)
	r.log.Info("stopped", "broken_off", broken)
}
