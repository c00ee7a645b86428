package observe

import (
	"context"
	"log/slog"
)

// Log is for the program's own messages. They go to stderr and, if there is
// one, into the log file; level and format follow the configuration.
func (o *Observatory) Log() *slog.Logger { return o.log }

func (o *Observatory) newLog() *slog.Logger {
	options := &slog.HandlerOptions{Level: &o.level, ReplaceAttr: o.maskAttr}
	return slog.New(&eitherFormat{
		o:    o,
		text: slog.NewTextHandler(messages{o}, options),
		json: slog.NewJSONHandler(messages{o}, options),
	})
}

// messages is where the program's messages go.
type messages struct{ o *Observatory }

func (m messages) Write(line []byte) (int, error) {
	m.o.stderr.Write(line)
	if s := m.o.settings.Load(); s != nil && s.toFile {
		m.o.filed.Write(line)
	}
	return len(line), nil
}

// maskAttr keeps secrets out of texts and errors.
func (o *Observatory) maskAttr(_ []string, a slog.Attr) slog.Attr {
	s := o.settings.Load()
	if s == nil {
		return a
	}
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(s.secrets.mask(v.String()))
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			a.Value = slog.StringValue(s.secrets.mask(err.Error()))
		}
	}
	return a
}

// eitherFormat is a handler whose format can change while it is in use.
type eitherFormat struct {
	o          *Observatory
	text, json slog.Handler
}

func (h *eitherFormat) now() slog.Handler {
	if h.o.json.Load() {
		return h.json
	}
	return h.text
}

func (h *eitherFormat) Enabled(ctx context.Context, l slog.Level) bool {
	return h.now().Enabled(ctx, l)
}

func (h *eitherFormat) Handle(ctx context.Context, r slog.Record) error {
	return h.now().Handle(ctx, r)
}

func (h *eitherFormat) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &eitherFormat{h.o, h.text.WithAttrs(attrs), h.json.WithAttrs(attrs)}
}

func (h *eitherFormat) WithGroup(name string) slog.Handler {
	return &eitherFormat{h.o, h.text.WithGroup(name), h.json.WithGroup(name)}
}
