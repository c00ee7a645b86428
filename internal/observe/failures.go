package observe

import (
	"errors"
	"log/slog"

	"ai-gw-lite/internal/gateway"
)

// Failures logs each 5xx that the gateway itself made, with its cause: what
// the client is not told.
type Failures struct{ log *slog.Logger }

// NewFailures makes an observer that writes to log.
func NewFailures(log *slog.Logger) *Failures { return &Failures{log: log} }

func (f *Failures) Begin(*gateway.Beginning) gateway.Watch { return f }
func (f *Failures) Attempt(string, string)                 {}
func (f *Failures) RequestBytes([]byte)                    {}
func (f *Failures) ResponseHead(*gateway.Response)         {}
func (f *Failures) ResponseBytes([]byte)                   {}

// End writes the line.
func (f *Failures) End(o *gateway.Outcome) {
	if !failed(o) {
		return
	}
	attrs := []any{"status", o.Status, "code", o.Code, "route", o.Route}
	if o.Upstream != "" {
		attrs = append(attrs, "upstream", o.Upstream)
	}
	if o.Cause != nil {
		attrs = append(attrs, "cause", o.Cause.Error())
	}
	f.log.Error("request failed", attrs...)
}

func failed(o *gateway.Outcome) bool {
	if o.Code != "" && o.Status >= 500 {
		return true
	}
	_, panicked := errors.AsType[*gateway.Panic](o.Cause)
	return panicked
}
