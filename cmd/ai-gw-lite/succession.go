package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"ai-gw-lite/internal/process"
)

// upgradeTimeout is how long a new process is given until it serves.
const upgradeTimeout = 30 * time.Second

// upgrade is one that is under way: another process is to serve in this one's
// place. A nil one is none.
type upgrade struct {
	stop  context.CancelCauseFunc
	ended chan *process.Successor // nil is sent for one that has failed
	asker *process.Reporter
}

func (u *upgrade) result() <-chan *process.Successor {
	if u == nil {
		return nil
	}
	return u.ended
}

// cancel ends it. A successor says that this came too late.
func (u *upgrade) cancel() *process.Successor {
	if u == nil {
		return nil
	}
	u.stop(errors.New("the old process was told to stop"))
	return <-u.ended
}

// startUpgrade starts what lies at the executable's path now.
func (r *running) startUpgrade() {
	switch {
	case os.Getpid() == 1:
		r.refuseUpgrade(errors.New("process 1 of a container cannot be replaced from within: replace the container"))
		return
	case r.upgrade != nil:
		r.refuseUpgrade(errors.New("one is under way already"))
		return
	}
	r.log.Info("upgrading", "executable", r.executable)
	ctx, stop := context.WithCancelCause(context.Background())
	r.upgrade = &upgrade{stop: stop, ended: make(chan *process.Successor, 1), asker: process.Report()}
	go r.startSuccessor(ctx, r.upgrade)
}

func (r *running) refuseUpgrade(why error) {
	r.log.Warn("upgrade ignored", "cause", why)
	process.Report().Failed(why)
}

// startSuccessor waits until another process serves. No reload comes between,
// nor after it.
func (r *running) startSuccessor(ctx context.Context, u *upgrade) {
	release := r.reloader.Hold()
	ctx, cancel := context.WithTimeoutCause(ctx, upgradeTimeout, fmt.Errorf("the new process does not serve after %v", upgradeTimeout))
	defer cancel()
	ln, address := r.service.Listener()
	s, err := process.Start(ctx, r.executable, ln, address)
	if err != nil {
		r.log.Error("upgrade failed", "cause", err)
		if err := r.pid.Restore(); err != nil {
			r.log.Error("upgrade failed", "cause", err)
		}
		u.asker.Failed(err)
		release()
	}
	u.ended <- s
}

// leaveTo drains in favour of a successor. Clients' idle connections are not
// closed before its end: each comes over with its next answer. told says that
// this process was told to stop, too.
func (r *running) leaveTo(s *process.Successor, told bool) error {
	r.log.Info("upgraded", "pid", s.PID)
	r.manager.MainPID(s.PID)
	asker := r.upgrade.asker
	asker.Serving(s.PID)
	r.service.Leave()
	if told {
		r.service.StartDrain()
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.service.Config().Shutdown.DrainTimeout)
	defer cancel()
	drained := make(chan int, 1)
	go func() { drained <- r.service.Drain(ctx) }()
	asker.Draining(r.service.InFlight())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case broken := <-drained:
			r.log.Info("stopped", "broken_off", broken)
			asker.Broken(broken)
			return nil
		case <-tick.C:
			asker.Draining(r.service.InFlight())
		case err := <-s.Ended:
			r.log.Error("the new process has ended", "pid", s.PID, "cause", err)
			s.Ended = nil
		case <-r.signals.upgrade:
			r.refuseUpgrade(fmt.Errorf("process %d has taken over already", s.PID))
		case <-r.signals.stop:
			if told {
				return failure(errSecondSignal)
			}
			told = true
			r.service.StartDrain()
		}
	}
}
