package config

import "regexp"

// logging is where the program's messages and the access log go.
type logging struct {
	origin
	level, format       text
	toStdout, accessLog boolean
	file                logFile
}

// logFile is a log in files that rotate.
type logFile struct {
	origin
	enabled               boolean
	dir, prefix, rotation text
	maxFiles              number
}

func (l *logging) fields() []field {
	return []field{
		{"level", l.level.oneOf("debug", "info", "warn", "error").or("info"), optional,
			"The least that is worth a line: debug, info, warn or error."},
		{"format", l.format.oneOf("json", "text").or("json"), optional,
			"json or text."},
		{"to_stdout", l.toStdout.or(true), optional,
			"Whether lines go to the standard output."},
		{"access_log", l.accessLog.or(true), optional,
			"Whether each exchange gets a line when it ends."},
		{"file", sub(&l.file), optional,
			"Whether lines go to files."},
	}
}

func (f *logFile) fields() []field {
	return []field{
		{"enabled", f.enabled.or(false), optional, "Off unless true."},
		{"dir", f.dir.or("./logs"), optional,
			"The folder; made if it is not there."},
		{"prefix", f.prefix.or("ai-gw-lite"), optional,
			"PREFIX.log is the open file, PREFIX.2026-11-23.log a past one."},
		{"rotation", f.rotation.oneOf("minutely", "hourly", "daily", "never").or("daily"), optional,
			"When a new file begins, in local time: minutely, hourly, daily or never."},
		{"max_files", f.maxFiles.or(7), optional,
			"How many are kept, the open one included."},
	}
}

// filePrefix is what every file system takes, the dates behind it included.
var filePrefix = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)

func (f *logFile) check(r *report) {
	switch d := &f.dir; {
	case d.bad:
	case d.given && d.v == "":
		r.problem(&d.origin, "must not be empty")
	case hasControl(d.v):
		r.problem(&d.origin, "must not have a control character in it")
	}
	if p := &f.prefix; p.given && !p.bad && !filePrefix.MatchString(p.v) {
		r.problem(&p.origin, "must be the beginning of a file's name: up to 100 letters, digits, dots, hyphens and underscores")
	}
}

func (l *logging) build(d *decoder) Logging {
	f := &l.file
	return Logging{
		Level: l.level.v, Format: l.format.v,
		ToStdout: l.toStdout.v, AccessLog: l.accessLog.v,
		File: LogFile{
			Enabled: f.enabled.v, Dir: d.path(f.dir.v), Prefix: f.prefix.v,
			Rotation: f.rotation.v, MaxFiles: f.maxFiles.v,
		},
	}
}
