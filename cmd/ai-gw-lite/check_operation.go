package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"ai-gw-lite/internal/config"
)

// printOperation shows how the program is run and watched: where its own
// endpoints are, never what opens them.
func printOperation(w io.Writer, c *config.Config) {
	reload := "on SIGHUP"
	if c.Reload.Watch {
		reload = "on SIGHUP or a changed file"
	}
	fmt.Fprintf(w, "reload %s; drain %d s after a delay of %d s; pid file %s\n",
		reload, int(c.Shutdown.DrainTimeout.Seconds()), int(c.Shutdown.Delay.Seconds()), orDash(c.PIDFile))
	errors := "simple"
	if c.Errors.Native {
		errors = "native"
	}
	fmt.Fprintf(w, "errors %s; endpoints /healthz", errors)
	if c.Admin.Enabled {
		fmt.Fprintf(w, ", admin %s", c.Admin.PathPrefix)
	}
	o := c.Observability
	if o != nil && o.Metrics.Enabled {
		fmt.Fprintf(w, ", metrics %s", o.Metrics.Path)
	}
	fmt.Fprintln(w)
	if o != nil {
		timing := ""
		if o.ServerTiming {
			timing = "; answers carry Server-Timing"
		}
		fmt.Fprintf(w, "request id %s; %s; tracing %s%s\n", o.RequestIDHeader, loggingText(o.Logging), tracingText(o.Tracing), timing)
	}
}

func loggingText(l config.Logging) string {
	var to []string
	if l.ToStdout {
		to = append(to, "stdout")
	}
	if f := l.File; f.Enabled {
		to = append(to, fmt.Sprintf("%s (%s, %d files)", filepath.Join(f.Dir, f.Prefix+".log"), f.Rotation, f.MaxFiles))
	}
	if len(to) == 0 {
		to = []string{"nowhere"}
	}
	kind := "log"
	if l.AccessLog {
		kind = "log and access log"
	}
	return fmt.Sprintf("%s, %s as %s, to %s", kind, l.Level, l.Format, strings.Join(to, " and "))
}

func tracingText(t config.Tracing) string {
	if !t.Enabled {
		return "off"
	}
	return fmt.Sprintf("%g of requests to %s", t.SampleRatio, t.Endpoint)
}
