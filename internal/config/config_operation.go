package config

import "time"

// Reload says when the file is read again.
type Reload struct{ Watch bool }

// Shutdown says how a stop goes.
type Shutdown struct {
	DrainTimeout time.Duration // for what is in flight
	Delay        time.Duration // still accepting, for load balancers to notice
}

// Errors is the shape of the errors that the gateway makes.
type Errors struct{ Native bool } // the caller's SDK's own; else {"error":"CODE"}

// Admin is the operator's API.
type Admin struct {
	Enabled    bool
	Token      string // a secret
	PathPrefix string
}

// Observability is what the gateway tells of itself.
type Observability struct {
	RequestIDHeader string // lower case
	Logging         Logging
	Metrics         Metrics
	Tracing         Tracing
	ServerTiming    bool
}

// Logging is the program's messages and the access log.
type Logging struct {
	Level     string // "debug", "info", "warn" or "error"
	Format    string // "json" or "text"
	ToStdout  bool
	AccessLog bool
	File      LogFile
}

// LogFile is a log in files that rotate.
type LogFile struct {
	Enabled  bool
	Dir      string // absolute
	Prefix   string
	Rotation string // "minutely", "hourly", "daily" or "never"
	MaxFiles int    // all of them together
}

// Metrics is the Prometheus endpoint.
type Metrics struct {
	Enabled bool
	Path    string
	Token   string // a secret
}

// Tracing is OpenTelemetry over OTLP.
type Tracing struct {
	Enabled     bool
	SampleRatio float64 // 0 to 1
	Endpoint    string  // URL
	Timeout     time.Duration
}
