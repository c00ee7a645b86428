package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ai-gw-lite/internal/certs"
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
	c, err := load(path)
	if err != nil {
		return err
	}
	lines := observe.NewLines(os.Stderr)
	defer lines.Flush(time.Second)
	log := slog.New(slog.NewTextHandler(lines, nil))
	g, err := start(c, log)
	if err != nil {
		return failure(err)
	}
	return g.run()
}

// running is a gateway that listens.
type running struct {
	log      *slog.Logger
	shutdown config.Shutdown
	ln       net.Listener
	server   *server.Server
	signals  chan os.Signal
	served   chan struct{} // closed when nothing is accepted any more
}

// start compiles, listens and serves. It returns as soon as clients can connect.
func start(c *config.Config, log *slog.Logger) (*running, error) {
	secure, err := inboundTLS(c)
	if err != nil {
		return nil, err
	}
	r := &running{log: log, shutdown: c.Shutdown, signals: make(chan os.Signal, 2), served: make(chan struct{})}
	signal.Notify(r.signals, syscall.SIGTERM, os.Interrupt)
	if r.ln, err = server.Listen(c.Listen); err != nil {
		return nil, err
	}
	snapshot, err := gateway.Compile(c)
	if err != nil {
		return nil, err
	}
	g := gateway.New(upstream.NewDialer(nil), observe.NewFailures(log))
	g.Use(snapshot)
	r.server = server.New(g, secure, log)
	go func() { r.server.Serve(r.ln); close(r.served) }()
	log.Info("serving", "address", r.ln.Addr().String(), "tls", secure != nil, "routes", len(c.Routes), "version", versionText())
	return r, nil
}

func inboundTLS(c *config.Config) (*tls.Config, error) {
	t := c.InboundTLS
	if t == nil {
		return nil, nil
	}
	var pair tls.Certificate
	var err error
	if t.CertPath != "" {
		pair, err = certs.Load(t.CertPath, t.KeyPath)
	} else {
		pair, err = selfSigned(t).Ensure(c.Listen)
	}
	if err != nil {
		return nil, err
	}
	return server.TLS(pair), nil
}

// run serves until a signal, then drains. A second signal ends it at once.
func (r *running) run() error {
	<-r.signals
	drained := make(chan struct{})
	go func() { r.drain(); close(drained) }()
	select {
	case <-drained:
		return nil
	case <-r.signals:
		return failure(errors.New("stopped before the drain was over"))
	}
}

// drain lets load balancers notice, then what is in flight come to its end.
func (r *running) drain() {
	r.log.Info("draining", "delay", r.shutdown.Delay, "timeout", r.shutdown.DrainTimeout)
	r.server.Announce()
	time.Sleep(r.shutdown.Delay)
	r.ln.Close()
	<-r.served
	r.server.StartDrain()
	ctx, cancel := context.WithTimeout(context.Background(), r.shutdown.DrainTimeout)
	defer cancel()
	broken := r.server.Drain(ctx)
	r.log.Info("stopped", "broken_off", broken)
}
