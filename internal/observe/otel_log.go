package observe

import (
	"context"
	"errors"
	"log/slog"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
)

// libraryLog is where OpenTelemetry's library says what it cannot read in the
// environment. Left alone it writes to stderr, and what it could not read with it:
// OTEL_EXPORTER_OTLP_HEADERS is where the collector's token stands. So of what
// it says the complaint is kept, and neither the value nor the error, which quotes it.
type libraryLog struct{ log *slog.Logger }

// listenToLibrary has the library, which has one log for the whole process,
// write to this one.
func listenToLibrary(log *slog.Logger) {
	otel.SetLogger(logr.FromSlogHandler(libraryLog{log}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if !errors.Is(err, resource.ErrPartialResource) { // newTracer says so itself
			log.Warn("tracing", "error", err)
		}
	}))
}

func (l libraryLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

func (l libraryLog) Handle(ctx context.Context, r slog.Record) error {
	l.log.WarnContext(ctx, "tracing: the environment's OTEL_* variables: "+r.Message)
	return nil
}

func (l libraryLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l libraryLog) WithGroup(string) slog.Handler      { return l }
