package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ai-gw-lite/internal/observe"
	"ai-gw-lite/internal/process"
	"ai-gw-lite/internal/server"
	"ai-gw-lite/internal/systemd"
)

// running is a gateway that serves until it is told to stop, or until another
// process has taken its place.
type running struct {
	log      *slog.Logger
	service  *server.Service
	signals  signals
	reloader *server.Reloader // nil: there is no file to read again
	manager  *systemd.Notifier
	watched  *observe.Observatory

	applying sync.Mutex // a configuration, which may move the PID file
	pid      *process.PIDFile
	pidPath  string

	executable string
	upgrade    *upgrade // the one under way
}

func (r *running) run() error {
	defer r.removePIDFile()
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
		case <-r.signals.upgrade:
			r.startUpgrade()
		case s := <-r.upgrade.result():
			if s != nil {
				noMore()
				return r.leaveTo(s, false)
			}
			r.upgrade = nil
		case <-r.signals.stop:
			noMore()
			if s := r.upgrade.cancel(); s != nil { // it had just come to its end
				return r.leaveTo(s, true)
			}
			return r.stop()
		}
	}
}

func (r *running) removePIDFile() {
	r.applying.Lock()
	defer r.applying.Unlock()
	r.pid.Remove()
}

var errSecondSignal = errors.New("stopped before the drain was over")

// stop drains. A second signal ends it at once.
func (r *running) stop() error {
	drained := make(chan struct{})
	go func() { r.drain(); close(drained) }()
	for {
		select {
		case <-drained:
			return nil
		case <-r.signals.stop:
			return failure(errSecondSignal)
		case <-r.signals.upgrade:
			r.refuseUpgrade(errors.New("it is about to stop"))
		}
	}
}

// drain lets load balancers notice, then what is in flight come to its end.
func (r *running) drain() {
	shutdown := r.service.Config().Shutdown
	r.log.Info("draining", "delay", shutdown.Delay.String(), "timeout", shutdown.DrainTimeout.String())
	r.manager.Stopping()
	r.service.Announce()
	time.Sleep(shutdown.Delay)
	r.service.StartDrain()
	ctx, cancel := context.WithTimeout(context.Background(), shutdown.DrainTimeout)
	defer cancel()
	r.log.Info("stopped", "broken_off", r.service.Drain(ctx))
}
