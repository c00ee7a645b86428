package observe

import (
	"strings"
	"sync"
	"time"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

// recorder follows one exchange and makes its record. Recorders are pooled, and
// so is what they read with, which is borrowed for as long as there is something
// to read: many exchanges wait for each that has an answer.
//
// The exchange's own goroutine calls all but RequestBytes.
type recorder struct {
	ob      *Observatory
	secrets *secrets
	route   *route
	record  record
	sent    sentModel // what the request asks for

	scanner *usage.Scanner // of an answer's body; else nil
	frames  *usage.Frames  // of a WebSocket; else nil

	view view
}

var (
	scanners = sync.Pool{New: func() any { return new(usage.Scanner) }}
	sessions = sync.Pool{New: func() any { return new(usage.Frames) }}
)

func (r *recorder) begin(b *gateway.Beginning, s *settings) {
	r.secrets = s.secrets
	r.route = r.ob.metrics.route(b.Route)
	r.route.inflight.Add(1)
	r.sent.begin(b.Head)
	r.record = record{
		requestID: s.requestID(b),
		method:    s.secrets.mask(b.Method),
		path:      s.secrets.mask(r.sent.path),
		trace:     b.Trace,
	}
	if s.live {
		r.view.open(b, s.secrets.mask(r.sent.name), r.ob.now())
		r.ob.live.add(r)
	}
}

// Attempt notes where the request goes.
func (r *recorder) Attempt(upstream, key string) {
	if r.view.listed {
		r.view.setTarget(upstream, key)
	}
}

// RequestBytes looks for the model, as long as it is not known.
func (r *recorder) RequestBytes(p []byte) {
	found := r.sent.read(p)
	if v := &r.view; v.listed {
		v.pass(&v.bytesIn, len(p), r.ob.now())
		if found {
			v.setModel(r.secrets.mask(r.sent.name))
		}
	}
}

// ResponseHead begins to read the answer, if there is usage to be found in it.
func (r *recorder) ResponseHead(res *gateway.Response) {
	r.record.head = true
	phase := answering
	if r.record.stream = res.IsStream(); r.record.stream {
		phase = streaming
		r.route.streaming.Add(1)
	}
	switch {
	case res.Status == 101:
		r.frames = sessions.Get().(*usage.Frames)
		r.frames.Reset(extensions(res))
		phase = tunnelled
	case hasBody(res.Status, r.record.method):
		r.scanner = scanners.Get().(*usage.Scanner)
		r.scanner.Reset(usage.Response{
			Status:          res.Status,
			ContentType:     mediaName(header(res, wire.ContentType)),
			ContentEncoding: string(header(res, wire.ContentEncoding)),
			Path:            r.sent.path,
			Unwatched:       !r.view.listed,
		})
	}
	if v := &r.view; v.listed {
		v.firstByte.Store(int64(time.Since(v.start)))
		v.phase.Store(phase)
	}
}

// hasBody reports an answer that may carry usage. The others have no body to
// read, or no usage in it.
func hasBody(status int, method string) bool {
	return status >= 200 && status <= 299 && status != 204 && status != 205 && method != "HEAD"
}

// header is the value of an answer's header, the first one.
func header(res *gateway.Response, known wire.Known) []byte {
	for i := range res.Fields {
		if f := &res.Fields[i]; f.Known == known {
			return f.Value
		}
	}
	return nil
}

// extensions are those of a WebSocket, which may come in several lines.
func extensions(res *gateway.Response) string {
	var lines []string
	for i := range res.Fields {
		if f := &res.Fields[i]; wire.EqualFold(f.Name, "sec-websocket-extensions") {
			lines = append(lines, string(f.Value))
		}
	}
	return strings.Join(lines, ", ")
}

// ResponseBytes reads a piece of the answer.
func (r *recorder) ResponseBytes(p []byte) {
	if v := &r.view; v.listed {
		v.pass(&v.bytesOut, len(p), r.ob.now())
	}
	switch {
	case r.scanner != nil:
		r.scanner.Write(p)
	case r.frames != nil:
		r.frames.Write(p)
	}
}

// End makes the record, hands it out and returns the recorder to its pool.
func (r *recorder) End(o *gateway.Outcome) {
	if r.view.listed {
		r.ob.live.remove(r)
		r.view.close()
	}
	rec := &r.record
	rec.Outcome = o
	rec.end = o.End
	r.endReading(rec)
	if m := r.sent.model(); m != "" {
		rec.model = m
	} else {
		rec.model = rec.answeredModel
	}
	rec.model = r.secrets.mask(rec.model)
	r.route.inflight.Add(-1)
	if rec.stream {
		r.route.streaming.Add(-1)
	}
	r.ob.ended(rec, r.route)
	r.recycle()
}

// endReading takes in what was learnt from the answer.
func (r *recorder) endReading(rec *record) {
	var got usage.Result
	switch {
	case r.scanner != nil:
		got = r.scanner.End(rec.end == gateway.Complete)
	case r.frames != nil:
		got = r.frames.End()
	default:
		return
	}
	if got.Truncated && rec.end == gateway.Complete {
		rec.end = gateway.Truncated
	}
	rec.usage, rec.counted = got.Usage, known(&got.Usage)
	if r.secrets.inJSON(got.Usage.Raw) {
		rec.usage.Raw = nil
	}
	rec.answeredModel = r.secrets.mask(got.Model)
	rec.events = got.Events
	rec.failedInBand = got.InBandError
}

func (r *recorder) recycle() {
	r.record = record{}
	r.secrets, r.route = nil, nil
	r.sent.end()
	if r.scanner != nil {
		scanners.Put(r.scanner)
		r.scanner = nil
	}
	if r.frames != nil {
		sessions.Put(r.frames)
		r.frames = nil
	}
	r.ob.recorders.Put(r)
}

// mediaName keeps a Content-Type beyond its buffer, without memory for the
// usual ones.
func mediaName(value []byte) string {
	switch string(value) {
	case "application/json":
		return "application/json"
	case "application/json; charset=utf-8":
		return "application/json; charset=utf-8"
	case "text/event-stream":
		return "text/event-stream"
	case "text/event-stream; charset=utf-8":
		return "text/event-stream; charset=utf-8"
	}
	return string(value)
}
