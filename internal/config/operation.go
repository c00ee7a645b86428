package config

// reload is when the file is read again.
type reload struct {
	origin
	watch boolean
}

// shutdown is how the program stops.
type shutdown struct {
	origin
	drain, delay number
}

// errorShape is what the gateway's own errors look like.
type errorShape struct {
	origin
	format text
}

func (l *reload) fields() []field {
	return []field{
		{"watch", l.watch.or(true), optional,
			"Reload when this file or one that it names changes; false: on SIGHUP alone."},
	}
}

func (s *shutdown) fields() []field {
	return []field{
		{"drain_timeout_secs", s.drain.or(30).zeroToo(), optional,
			"What is in flight may go on for so long; 0: it is broken off at once."},
		{"delay_secs", s.delay.zeroToo(), optional,
			"Before that, requests are still accepted for so long while /healthz says 503, so that load balancers look elsewhere."},
	}
}

func (e *errorShape) fields() []field {
	return []field{
		{"format", e.format.oneOf("simple", "native").or("simple"), optional,
			`simple: {"error":"CODE"}. native: what the caller's SDK parses, by the path.`},
	}
}

// checkPIDFile keeps the gateway from writing over what it reads.
func (f *file) checkPIDFile(d *decoder, c *Config) {
	switch p := &f.pidFile; {
	case p.bad || p.v == "":
	case hasControl(p.v):
		d.problem(&p.origin, "must not have a control character in it")
	default:
		for _, name := range c.Files() {
			if name == d.path(p.v) {
				d.problem(&p.origin, "is a file that the configuration is read from; it would be written over")
			}
		}
	}
}
