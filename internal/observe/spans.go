package observe

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/usage"
)

// trace makes the exchange's spans: one as a server, named for its route, and
// below it one as a client for each attempt. Attributes are those of the
// semantic conventions for HTTP and generative AI, and gateway.* for what they
// have no name for.
func (t *tracer) trace(r *record, about map[string]routeInfo) {
	if r.trace == nil || !r.trace.Sampled || !t.collector.takes(1+len(r.Attempts)) {
		return
	}
	info := about[r.Route]
	ctx := context.WithValue(context.Background(), spanKey{}, given{r.trace.ID, r.trace.Span})
	if r.trace.Parent != (gateway.SpanID{}) {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID(r.trace.ID), SpanID: trace.SpanID(r.trace.Parent), TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	}
	name := r.Route
	if name == noRoute {
		name = spanMethod(r.method)
	}
	ctx, server := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(r.Start),
		trace.WithAttributes(sendable(serverAttributes(r, &info))...))
	if why := errorType(r); why != "" {
		server.SetAttributes(semconv.ErrorTypeKey.String(why))
		server.SetStatus(codes.Error, "")
	}
	for i := range r.Attempts {
		t.traceAttempt(ctx, r, i, info.upstreams[r.Attempts[i].Upstream])
	}
	server.End(trace.WithTimestamp(r.Start.Add(r.Duration)))
}

func (t *tracer) traceAttempt(ctx context.Context, r *record, i int, to upstreamInfo) {
	a := &r.Attempts[i]
	ctx = context.WithValue(ctx, spanKey{}, given{span: a.Span})
	attributes := append(methodAttributes(nil, r.method),
		attribute.String("gateway.upstream", a.Upstream),
		attribute.String("gateway.key", a.Key))
	if to.host != "" {
		attributes = append(attributes, semconv.ServerAddress(to.host), semconv.ServerPort(to.port))
	}
	if a.Status != 0 {
		attributes = append(attributes, semconv.HTTPResponseStatusCode(a.Status))
	}
	if i > 0 {
		attributes = append(attributes, semconv.HTTPRequestResendCount(i))
	}
	_, client := t.tracer.Start(ctx, spanMethod(r.method), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(a.Start), trace.WithAttributes(sendable(attributes)...))
	if a.Result != "ok" {
		why := a.Result
		if a.Status >= 400 {
			why = strconv.Itoa(a.Status)
		}
		client.SetAttributes(semconv.ErrorTypeKey.String(why))
		client.SetStatus(codes.Error, "")
	}
	client.End(trace.WithTimestamp(a.Start.Add(a.Duration)))
}

func serverAttributes(r *record, info *routeInfo) []attribute.KeyValue {
	list := append(make([]attribute.KeyValue, 0, 24),
		semconv.URLPath(r.path),
		semconv.ClientAddress(r.Client),
		attribute.String("gateway.end", string(r.end)))
	list = methodAttributes(list, r.method)
	if r.Status != 0 {
		list = append(list, semconv.HTTPResponseStatusCode(r.Status))
	}
	if info.prefix != "" {
		list = append(list, semconv.HTTPRoute(info.prefix))
	}
	for _, own := range [...]struct{ name, value string }{
		{"gateway.route", r.Route}, {"gateway.request_id", r.requestID}, {"gateway.token", r.Token}, {"gateway.code", r.Code},
	} {
		if own.value != "" {
			list = append(list, attribute.String(own.name, own.value))
		}
	}
	return genAIAttributes(list, r, info)
}

// longestText is what a span's text may have, in bytes: as many spans as are sent
// together must fit into the 4 MiB that a gRPC server takes unless told otherwise.
const longestText = 1 << 10

// sendable cuts what is too long and replaces what is no UTF-8, of which Protocol
// Buffers' texts are. For one such text all the spans would be lost that are sent
// with it.
func sendable(list []attribute.KeyValue) []attribute.KeyValue {
	for i := range list {
		a := &list[i]
		if a.Value.Type() != attribute.STRING {
			continue
		}
		text := a.Value.AsString()
		if len(text) > longestText || !utf8.ValidString(text) {
			a.Value = attribute.StringValue(strings.ToValidUTF8(text[:min(len(text), longestText)], "\uFFFD"))
		}
	}
	return list
}

func methodAttributes(list []attribute.KeyValue, method string) []attribute.KeyValue {
	if spanMethod(method) != method {
		return append(list, semconv.HTTPRequestMethodOther, semconv.HTTPRequestMethodOriginal(method))
	}
	return append(list, semconv.HTTPRequestMethodKey.String(method))
}

// spanMethod is a span's name for want of a better one.
func spanMethod(method string) string {
	if methodLabel(method) == "other" && method != "PATCH" { // the conventions know PATCH
		return "HTTP"
	}
	return method
}

// genAIAttributes says what was asked of a model and what it cost.
func genAIAttributes(list []attribute.KeyValue, r *record, info *routeInfo) []attribute.KeyValue {
	operation, family := operationOf(r.path)
	provider := info.upstreams[r.Upstream].provider
	if provider == "" {
		provider = family
	}
	if operation != "" {
		list = append(list, semconv.GenAIOperationNameKey.String(operation), semconv.GenAIRequestStream(r.stream))
	}
	if operation != "" && provider != "" {
		list = append(list, semconv.GenAIProviderNameKey.String(provider))
	}
	if r.model != "" {
		list = append(list, semconv.GenAIRequestModel(r.model))
	}
	if r.answeredModel != "" {
		list = append(list, semconv.GenAIResponseModel(r.answeredModel))
	}
	if !r.counted {
		return list
	}
	u := &r.usage
	number := func(c usage.Count, as func(int) attribute.KeyValue) {
		if n, known := c.Value(); known {
			list = append(list, as(int(n)))
		}
	}
	number(wholeInput(u), semconv.GenAIUsageInputTokens)
	number(u.CacheRead, semconv.GenAIUsageCacheReadInputTokens)
	number(u.CacheWrite, semconv.GenAIUsageCacheCreationInputTokens)
	number(u.Output, semconv.GenAIUsageOutputTokens)
	number(u.Reasoning, semconv.GenAIUsageReasoningOutputTokens)
	return list
}

// wholeInput is the input with its cached part, as the conventions want it.
func wholeInput(u *usage.Usage) usage.Count {
	whole, known := u.InputUncached.Value()
	if !known {
		return usage.Count{}
	}
	read, _ := u.CacheRead.Value()
	written, _ := u.CacheWrite.Value()
	return usage.Known(whole + read + written)
}

// errorType says why an exchange failed; empty: it did not, or the fault was
// the client's.
func errorType(r *record) string {
	switch {
	case r.Code != "" && r.Status >= 500:
		return r.Code
	case r.Status >= 500:
		return strconv.Itoa(r.Status)
	case r.failedInBand:
		return "in_band"
	}
	switch r.end {
	case gateway.Timeout, gateway.UpstreamBroken, gateway.Idle, gateway.Truncated, gateway.Draining:
		return string(r.end)
	}
	return ""
}
