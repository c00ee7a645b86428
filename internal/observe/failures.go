package observe

import (
	"errors"
	"log/slog"

	"ai-gw-lite/internal/gateway"
)

// failed reports a 5xx that the gateway itself made, or a defect.
func failed(o *gateway.Outcome) bool {
	if o.Code != "" && o.Status >= 500 {
		return true
	}
	_, panicked := errors.AsType[*gateway.Panic](o.Cause)
	return panicked
}

// tellFailure logs what an operator should know of an exchange that went
// wrong: a failure with its cause, which the client is not told, or what the
// gateway noted.
func tellFailure(log *slog.Logger, o *gateway.Outcome, requestID string) {
	isFailure := failed(o)
	if !isFailure && o.Note == "" {
		return
	}
	attrs := []any{"status", o.Status, "code", o.Code, "route", o.Route}
	if requestID != "" {
		attrs = append(attrs, "request_id", requestID)
	}
	if o.Upstream != "" {
		attrs = append(attrs, "upstream", o.Upstream)
	}
	if !isFailure {
		log.Warn(o.Note, attrs...)
		return
	}
	if o.Cause != nil {
		attrs = append(attrs, "cause", o.Cause.Error())
	}
	if o.Note != "" {
		attrs = append(attrs, "note", o.Note)
	}
	log.Error("request failed", attrs...)
}

// Failures logs each failure and follows nothing else.
type Failures struct {
	log       *slog.Logger
	requestID string // of the exchange; empty: none, or request ids are off
}

// NewFailures makes an observer that writes to log.
func NewFailures(log *slog.Logger) *Failures { return &Failures{log: log} }

// of is the same for one exchange, whose id its client may name.
func (f *Failures) of(requestID string) *Failures {
	if requestID == "" {
		return f
	}
	return &Failures{f.log, requestID}
}

func (f *Failures) Begin(gateway.Beginning) gateway.Watch { return f }
func (f *Failures) Attempt(string, string)                {}
func (f *Failures) RequestBytes([]byte)                   {}
func (f *Failures) ResponseHead(*gateway.Response)        {}
func (f *Failures) ResponseBytes([]byte)                  {}

// End writes the line.
func (f *Failures) End(o *gateway.Outcome) {
	tellFailure(f.log, o, f.requestID)
}

// CooldownChanged logs the beginning or the end of a cooldown.
func (o *Observatory) CooldownChanged(c gateway.CooldownChange) {
	attrs := []any{"route", c.Route, "upstream", c.Upstream}
	if c.Key != "" {
		attrs = append(attrs, "key", c.Key)
	}
	attrs = append(attrs, "why", c.Why)
	if c.For > 0 {
		o.log.Warn("cooldown begins", append(attrs, "for", c.For.String())...)
		return
	}
	o.log.Info("cooldown ends", attrs...)
}
