package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"ai-gw-lite/internal/config"
)

// Reloader keeps the gateway on what its configuration file holds. It reads the
// file again when asked to and, unless the configuration says otherwise, when
// the content of the file or of one that it names has changed. A file that is
// at fault, or that cannot be put in force, changes nothing.
type Reloader struct {
	// Apply puts a configuration in force. On an error it has changed nothing.
	Apply func(*config.Config) error
	// Began and Ended, which may be nil, are called around each reload; ok says
	// that the new configuration is in force.
	Began func()
	Ended func(ok bool)

	path  string
	env   config.Env
	log   *slog.Logger
	asked chan struct{}

	mu       sync.Mutex // held for a reload
	watch    watch
	watching bool
}

// NewReloader makes a reloader for the file at path. Load comes first, then Run.
func NewReloader(path string, log *slog.Logger) *Reloader {
	return &Reloader{path: path, env: config.OS(), log: log, asked: make(chan struct{}, 1)}
}

// Load reads the configuration that the gateway starts with. Its error is one
// of config.Load.
func (r *Reloader) Load() (*config.Config, error) {
	c, err := r.read()
	if err == nil {
		r.watching = c.Reload.Watch
	}
	return c, err
}

// Ask has the file read again soon, whatever it holds. It does not block.
func (r *Reloader) Ask() {
	select {
	case r.asked <- struct{}{}:
	default: // what was asked for before is still to come
	}
}

// Hold keeps reloads from happening until release is called. It waits for one
// that is under way.
func (r *Reloader) Hold() (release func()) {
	r.mu.Lock()
	return r.mu.Unlock
}

// Run reloads, one reload at a time, until the context ends.
func (r *Reloader) Run(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.asked:
			r.reload(ctx)
		case now := <-look.C:
			if r.watching && r.watch.look(now) {
				r.reload(ctx)
			}
		}
	}
}

func (r *Reloader) reload(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if r.Began != nil {
		r.Began()
	}
	c, err := r.read()
	if err == nil {
		err = r.Apply(c)
	}
	if err == nil {
		r.watching = c.Reload.Watch
		r.log.Info("config reloaded", "file", r.path, "routes", len(c.Routes))
	} else {
		r.reject(err)
	}
	if r.Ended != nil {
		r.Ended(err == nil)
	}
}

// reject says why nothing has changed, each problem as check prints it.
func (r *Reloader) reject(err error) {
	problems, _ := errors.AsType[config.Problems](err)
	one, inOneField := errors.AsType[config.Problem](err)
	switch {
	case inOneField:
		problems.List = []config.Problem{one}
	case len(problems.List) == 0:
		r.log.Error("config rejected", "file", r.path, "cause", err)
	}
	for _, p := range problems.List {
		r.log.Error("config rejected", "problem", p.String())
	}
	if problems.More > 0 {
		r.log.Error("config rejected", "file", r.path, "more_problems", problems.More)
	}
}

// read loads the configuration and remembers what the files held: those that
// were read by what was read, certificates by what they held before, so that a
// change in between is noticed.
func (r *Reloader) read() (*config.Config, error) {
	before := r.watch.read()
	read := make(contents)
	env := r.env
	env.ReadFile = func(path string) ([]byte, error) {
		b, err := r.env.ReadFile(path)
		read[path] = sum(b, err)
		return b, err
	}
	c, err := config.Load(r.path, env, CheckCertificates)
	held := make(contents)
	for _, path := range namedBy(c, err, before) {
		held[path] = before[path]
		if _, known := before[path]; !known && mayRead(path) {
			held[path] = sum(r.env.ReadFile(path))
		}
	}
	maps.Copy(held, read)
	r.watch.hold(held)
	return c, err
}

// namedBy is the files to watch from now on. Where there is no configuration
// they are those of the last one and what the problems are about.
func namedBy(c *config.Config, err error, before contents) []string {
	if err == nil {
		return c.Files()
	}
	files := slices.Collect(maps.Keys(before))
	if problems, ok := errors.AsType[config.Problems](err); ok {
		files = append(files, problems.Files()...)
	}
	return files
}
