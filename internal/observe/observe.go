// Package observe tells an operator what the gateway does: log lines, metrics,
// traces, and the exchanges in flight. It follows exchanges as a
// gateway.Observer and knows nothing of how they are proxied; what it cannot
// write in time it drops and counts, and no exchange waits for it.
//
//	Begin → a recorder, which reads along: model, usage, progress
//	End   → one record, to the access log, the metrics and the traces
//
// With a configuration that asks for none of it, there is a line for each
// failure and nothing else, and it costs nothing.
package observe

import (
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// Options is what an Observatory is made of.
type Options struct {
	Config  *config.Config
	Version string    // of the program
	Stderr  io.Writer // the program's messages; nil: os.Stderr
	Stdout  io.Writer // the access log; nil: os.Stdout
}

// An Observatory follows every exchange and answers the operator's questions.
// It outlives configurations: counters go on over a reload.
type Observatory struct {
	log    *slog.Logger
	level  slog.LevelVar
	json   atomic.Bool // the format of log
	stderr *Lines
	stdout *Lines
	filed  *Lines // to file
	file   logFile

	metrics *metrics
	live    live

	failures  *Failures
	settings  atomic.Pointer[settings]
	recorders sync.Pool
	version   string
	closing   sync.Once
	started   time.Time
}

// settings are what a configuration says, made ready.
type settings struct {
	follows bool // exchanges are followed; else only failures are told
	secrets *secrets

	accessLog bool
	json      bool
	toStdout  bool
	toFile    bool

	metrics bool
	live    bool // exchanges are listed

	tracer *tracer // nil: tracing is off
	routes map[string]routeInfo
}

// gathering is how long lines may wait for more of them, where there may be
// thousands in a second.
const gathering = 10 * time.Millisecond

// New starts an Observatory. Close ends it.
func New(o Options) (*Observatory, error) {
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	ob := &Observatory{version: o.Version, started: time.Now(), stderr: NewLines(o.Stderr), stdout: newLines(o.Stdout, gathering)}
	ob.filed = newLines(&ob.file, gathering)
	ob.log = ob.newLog()
	ob.failures = NewFailures(ob.log)
	ob.file.unpruned = func(err error) {
		ob.log.Error("old log files cannot be deleted", "error", err)
	}
	ob.file.troubled = func(err error) {
		if err != nil {
			ob.log.Error("the log file cannot be written: its lines are lost", "error", err)
		} else {
			ob.log.Info("the log file is written again")
		}
	}
	ob.metrics = newMetrics(o.Version, ob.dropped)
	ob.recorders.New = func() any { return &recorder{ob: ob} }
	ob.Reloaded(true)
	return ob, ob.Reconfigure(o.Config)
}

// Reconfigure follows a new configuration from now on. If it fails, which only
// the address of a collector can make it, nothing has changed. It may wait
// a second for the lines of a log file that is given up.
func (o *Observatory) Reconfigure(c *config.Config) error {
	s := &settings{secrets: newSecrets(c)}
	logging := config.Logging{Level: "info", Format: "text"}
	if c.Observability != nil {
		logging = c.Observability.Logging
	}
	s.json = logging.Format == "json"
	was := o.json.Swap(s.json) // before anybody has something to say
	if c.Observability != nil {
		s.metrics = c.Observability.Metrics.Enabled
		if c.Observability.Tracing.Enabled {
			var err error
			if s.tracer, err = o.tracerFor(c.Observability.Tracing); err != nil {
				o.json.Store(was)
				return err
			}
			s.routes = routesInfo(c)
		}
	}
	s.accessLog = logging.AccessLog
	s.toStdout, s.toFile = logging.ToStdout, logging.File.Enabled
	s.live = c.Admin.Enabled
	s.follows = s.accessLog || s.metrics || s.live || s.tracer != nil
	for i := range c.Routes {
		o.metrics.route(c.Routes[i].ID)
	}
	if s.toFile {
		o.file.configure(logging.File)
	}
	o.level.UnmarshalText([]byte(logging.Level)) // one of four: loading has checked it
	if last := o.settings.Swap(s); last != nil && last.tracer != nil && last.tracer != s.tracer {
		go last.tracer.close(last.tracer.conf.Timeout)
	}
	if !s.toFile {
		o.filed.Flush(time.Second) // nothing more comes
		o.file.configure(logging.File)
	}
	return nil
}

// tracerFor is the tracer in use if it is what the configuration asks for. How
// many traces are sampled is the gateway's affair.
func (o *Observatory) tracerFor(c config.Tracing) (*tracer, error) {
	c.SampleRatio = 0
	if last := o.settings.Load(); last != nil && last.tracer != nil && last.tracer.conf == c {
		return last.tracer, nil
	}
	return newTracer(c, o.version, o.log)
}

// now is a clock that is cheap to read: nanoseconds since the start.
func (o *Observatory) now() int64 { return int64(time.Since(o.started)) }

// Begin follows an exchange.
func (o *Observatory) Begin(b gateway.Beginning) gateway.Watch {
	s := o.settings.Load()
	if !s.follows {
		return o.failures.of(s.requestID(&b))
	}
	r := o.recorders.Get().(*recorder)
	r.begin(&b, s)
	return r
}

// requestID is how an exchange is called. One that the gateway made holds no
// secret.
func (s *settings) requestID(b *gateway.Beginning) string {
	if !b.IDSent {
		return b.RequestID
	}
	return s.secrets.mask(b.RequestID)
}

// ended hands the record to everybody whom it concerns.
func (o *Observatory) ended(rec *record, at *route) {
	s := o.settings.Load()
	tellFailure(o.log, rec.Outcome, rec.requestID)
	if s.accessLog {
		o.writeAccess(rec, s)
	}
	if s.metrics {
		at.count(rec)
	}
	if s.tracer != nil {
		s.tracer.trace(rec, s.routes)
	}
}

// Close writes out what waits to be written, for at most d, and ends what goes
// on in the background. It may be called again.
func (o *Observatory) Close(d time.Duration) {
	o.closing.Do(func() {
		end := time.Now().Add(d)
		if t := o.settings.Load().tracer; t != nil {
			t.close(d / 2) // it may yet have something to say
		}
		var all sync.WaitGroup
		for _, l := range []*Lines{o.stderr, o.stdout, o.filed} {
			all.Go(func() { l.Close(time.Until(end)) })
		}
		all.Wait()
		o.file.configure(config.LogFile{})
	})
}
