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

// drainTimeout is what requests in flight are given when the program is told
// to stop.
const drainTimeout = 30 * time.Second

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
	log     *slog.Logger
	ln      net.Listener
	server  *server.Server
	signals chan os.Signal
	failed  chan error
}

// start compiles, listens and serves. It returns as soon as clients can connect.
func start(c *config.Config, log *slog.Logger) (*running, error) {
	secure, err := inboundTLS(c)
	if err != nil {
		return nil, err
	}
	r := &running{log: log, signals: make(chan os.Signal, 2), failed: make(chan error, 1)}
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
	go func() { r.failed <- r.server.Serve(r.ln) }()
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
	select {
	case err := <-r.failed:
		return failure(err)
	case <-r.signals:
	}
	r.log.Info("draining", "timeout", drainTimeout)
	r.server.StartDrain()
	r.ln.Close()
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	drained := make(chan struct{})
	go func() { r.server.Drain(ctx); close(drained) }()
	select {
	case <-drained:
		r.log.Info("stopped")
		return nil
	case <-r.signals:
		return failure(errors.New("stopped before the drain was over"))
	}
}
