package main

import (
	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/process"
)

// apply puts a configuration in force, or changes nothing.
func (r *running) apply(c *config.Config) error {
	r.applying.Lock()
	defer r.applying.Unlock()
	pid := r.pid
	if c.PIDFile != r.pidPath {
		var err error
		if pid, err = process.PreparePIDFile(c.PIDFile); err != nil {
			return c.Problem("pid_file", "%v", err)
		}
	}
	if err := r.putInForce(c); err != nil {
		if pid != r.pid {
			pid.Discard()
		}
		return err
	}
	if pid == r.pid {
		return nil
	}
	r.pid.Remove()
	r.pid, r.pidPath = pid, c.PIDFile
	return pid.Install()
}

// putInForce has whoever watches follow first: they keep the secrets of the
// configuration out of what they write.
func (r *running) putInForce(c *config.Config) error {
	before := r.service.Config()
	if err := r.watched.Reconfigure(c); err != nil {
		return err
	}
	err := r.service.Apply(c)
	if err != nil && before != nil {
		r.watched.Reconfigure(before)
	}
	return err
}

// reloaded tells whoever wants to know that a reload is over.
func (r *running) reloaded(ok bool) {
	r.watched.Reloaded(ok)
	if ok {
		r.manager.Status("the configuration has been reloaded")
	} else {
		r.manager.Status("the configuration in the file is rejected, the one before it is in force: see the log")
	}
	r.manager.Ready()
}
