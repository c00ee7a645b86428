package sdk

import (
	"context"
	"net"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// collector is a receiver of traces: OTLP over gRPC.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	addr  string
	spans chan *tracepb.Span
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{addr: ln.Addr().String(), spans: make(chan *tracepb.Span, 1000)}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("the collector: %v", err)
		}
	})
	return c
}

func (c *collector) Export(_ context.Context, r *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	for _, resource := range r.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.spans <- span
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// span is what the span of an exchange says.
type span struct {
	texts   map[string]string
	numbers map[string]int64
}

// exchanges waits for the spans of n exchanges, and gives them by request id.
func (c *collector) exchanges(t *testing.T, n int) map[string]span {
	t.Helper()
	late := time.After(patience)
	found := make(map[string]span)
	for len(found) < n {
		select {
		case s := <-c.spans:
			if s.Kind != tracepb.Span_SPAN_KIND_SERVER {
				continue
			}
			says := span{make(map[string]string), make(map[string]int64)}
			for _, a := range s.Attributes {
				switch v := a.Value.Value.(type) {
				case *commonpb.AnyValue_StringValue:
					says.texts[a.Key] = v.StringValue
				case *commonpb.AnyValue_IntValue:
					says.numbers[a.Key] = v.IntValue
				}
			}
			found[says.texts["gateway.request_id"]] = says
		case <-late:
			t.Fatalf("the spans of %d exchanges, want %d", len(found), n)
		}
	}
	return found
}
