package observe

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/gateway"
)

// tracer sends spans to a collector, in batches and from a goroutine of its
// own. While the collector is away or too slow spans are dropped and counted, and
// that is all.
type tracer struct {
	conf      config.Tracing
	collector *collector
	provider  *sdktrace.TracerProvider
	tracer    trace.Tracer
}

const (
	spansWaiting  = 2048
	spansTogether = 512
	spansGather   = time.Second
	lookAgain     = 10 * time.Second // at most, for a collector that was away
	otlpPort      = "4317"           // OTLP over gRPC; where a URL names none
)

// newTracer makes a tracer. It connects to the collector when there is
// something to send.
func newTracer(conf config.Tracing, version string, log *slog.Logger) (*tracer, error) {
	u, err := url.Parse(conf.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), otlpPort)
	}
	listenToLibrary(log)
	to, err := otlptracegrpc.New(context.Background(),
		otlptracegrpc.WithEndpointURL(u.String()),
		otlptracegrpc.WithTimeout(conf.Timeout),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}),
		// Proxies of the environment are not used, here as elsewhere.
		otlptracegrpc.WithDialOption(grpc.WithNoProxy(), grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: lookAgain},
			MinConnectTimeout: conf.Timeout,
		})))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	about, err := resource.New(context.Background(), resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName("ai-gw-lite"), semconv.ServiceVersion(version)),
		resource.WithFromEnv()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	if err != nil { // not worth a gateway: there is a resource all the same
		log.Warn("tracing: OTEL_RESOURCE_ATTRIBUTES is not understood", "error", err)
	}
	about = resource.NewWithAttributes(about.SchemaURL(), sendable(about.Attributes())...)
	t := &tracer{conf: conf, collector: &collector{SpanExporter: to, log: log, endpoint: conf.Endpoint}}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // what is not sampled does not get here
		sdktrace.WithIDGenerator(givenIDs{}),
		sdktrace.WithBatcher(t.collector,
			sdktrace.WithMaxQueueSize(spansWaiting),
			sdktrace.WithMaxExportBatchSize(spansTogether),
			sdktrace.WithBatchTimeout(spansGather),
			sdktrace.WithExportTimeout(conf.Timeout)))
	t.tracer = t.provider.Tracer("ai-gw-lite", trace.WithInstrumentationVersion(version), trace.WithSchemaURL(semconv.SchemaURL))
	return t, nil
}

// close delivers what waits, for at most d.
func (t *tracer) close(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	t.provider.Shutdown(ctx) // a dead collector has been told of
}

// givenIDs has spans carry the ids that were sent along with the request.
type givenIDs struct{}

type spanKey struct{}

// given is where givenIDs finds them.
type given struct {
	trace gateway.TraceID
	span  gateway.SpanID
}

func (givenIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	ids := ctx.Value(spanKey{}).(given)
	return trace.TraceID(ids.trace), trace.SpanID(ids.span)
}

func (givenIDs) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	return trace.SpanID(ctx.Value(spanKey{}).(given).span)
}
