package main

import (
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/observe"
	"ai-gw-lite/internal/process"
	"ai-gw-lite/internal/server"
	"ai-gw-lite/internal/systemd"
	"ai-gw-lite/internal/upstream"
)

func newServe() *cobra.Command {
	return withConfig(&cobra.Command{
		Use:   "serve --config FILE",
		Short: "Serve (the same as no command at all)",
	}, serve)
}

// serve runs a gateway from its start to its end. It may have been started by
// another one whose port it takes over.
func serve(path string) error {
	if path == "" {
		return errNoConfig
	}
	notAwake := process.StayAwake()
	caught := catchSignals()
	inherited, err := process.Inherit()
	if err != nil {
		return failure(fmt.Errorf("ai-gw-lite: %w", err))
	}
	executable, err := process.Executable()
	if err != nil {
		return failure(fmt.Errorf("ai-gw-lite: finding the executable: %w", err))
	}
	watched, err := observe.New(observe.Options{Config: new(config.Config), Version: versionText()})
	if err != nil {
		return failure(err)
	}
	defer watched.Close(time.Second)
	log := watched.Log()
	manager, err := systemd.New()
	if err != nil {
		log.Warn("systemd is not told", "cause", err)
	}
	r := &running{
		log: log, signals: caught, manager: manager, executable: executable,
		watched: watched, service: newService(watched, inherited), reloader: server.NewReloader(path, log),
	}
	r.reloader.Apply = r.apply
	r.reloader.Began = manager.Reloading
	r.reloader.Ended = r.reloaded
	c, err := r.load()
	if c == nil {
		return err
	}
	if err := r.apply(c); err != nil {
		return failure(err)
	}
	if notAwake != nil {
		log.Debug("the runtime's monitor is not kept awake: streams cost more", "cause", notAwake)
	}
	ln, _ := r.service.Listener()
	log.Info("serving", "address", ln.Addr().String(), "tls", c.InboundTLS != nil, "routes", len(c.Routes), "version", versionText(), "pid", os.Getpid())
	if inherited == nil {
		manager.Ready()
	} else if err := inherited.Ready(); err != nil {
		log.Warn("taking over", "cause", err)
	}
	return r.run()
}

// load reads the configuration, for which a pipe or a network's file system can
// need its time. There is none, and no error, if the program is told to stop
// meanwhile.
func (r *running) load() (*config.Config, error) {
	type result struct {
		config *config.Config
		err    error
	}
	loaded := make(chan result, 1)
	go func() {
		c, err := r.reloader.Load()
		loaded <- result{c, err}
	}()
	select {
	case l := <-loaded:
		if l.err != nil {
			return nil, exitError{exitUsage, l.err}
		}
		return l.config, nil
	case <-r.signals.stop:
		r.log.Info("stopped before it served")
		return nil, nil
	}
}

// newService makes the gateway, with everybody who watches it, ready for a
// configuration. Its port is perhaps inherited.
func newService(watched *observe.Observatory, inherited *process.Inheritance) *server.Service {
	g := gateway.New(upstream.NewDialer(nil), watched)
	g.OnCooldown(watched.CooldownChanged)
	watched.ReadCooldowns(g.Cooldowns)
	operator := &server.Operator{
		MetricsType: observe.MetricsType, Metrics: watched.MetricsText,
		StreamsType: observe.StreamsType, Streams: watched.StreamsText,
	}
	listen := func(address string) (net.Listener, error) {
		if ln := inherited.Take(address); ln != nil {
			return server.Adopt(ln), nil
		}
		return server.Listen(address)
	}
	return server.NewService(g, listen, operator, watched.Log())
}
