package observe

import (
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

// recorder follows one exchange and makes its record. Recorders are pooled:
// what they read with is kept from one exchange to the next.
//
// The exchange's own goroutine calls all but RequestBytes. While it is listed,
// anybody may look at it: what changes by then is atomic, or under the lock.
type recorder struct {
	ob      *Observatory
	secrets *secrets
	route   *route
	record  record
	sent    sentModel // what the request asks for

	reading reading
	scanner usage.Scanner
	frames  *usage.Frames // made for the first WebSocket

	listed  bool   // in the live table
	serial  uint64 // of its listing
	start   time.Time
	token   string
	framing wire.Framing // of the request
	length  int64

	phase             atomic.Uint32
	firstByte         atomic.Int64 // nanoseconds since start
	touched           atomic.Int64 // when a byte of a body last passed, on the Observatory's clock
	bytesIn, bytesOut atomic.Int64

	mu                   sync.Mutex
	model, upstream, key string
}

// reading is what the answer is read with.
type reading uint8

const (
	nothing reading = iota
	aBody
	aSession
)

func (r *recorder) begin(b *gateway.Beginning, s *settings) {
	r.secrets = s.secrets
	r.route = r.ob.metrics.route(b.Route)
	r.route.inflight.Add(1)
	r.sent.begin(b.Head)
	r.record = record{
		requestID: s.secrets.mask(b.RequestID),
		method:    s.secrets.mask(methodName(b.Head.Method)),
		path:      s.secrets.mask(r.sent.path),
		trace:     b.Trace,
	}
	r.start, r.token = b.Start, b.Token
	r.framing, r.length = b.Head.Framing, b.Head.Length
	r.model = s.secrets.mask(r.sent.name)
	if r.listed = s.live; r.listed {
		r.touch()
		r.ob.live.add(r)
	}
}

// touch notes that something passed, if anybody may ask when: even a clock
// that is cheap to read is not free for each event of a stream.
func (r *recorder) touch() {
	if r.listed {
		r.touched.Store(r.ob.now())
	}
}

// Attempt notes where the request goes.
func (r *recorder) Attempt(upstream, key string) {
	r.mu.Lock()
	r.upstream, r.key = upstream, key
	r.mu.Unlock()
}

// RequestBytes looks for the model, as long as it is not known.
func (r *recorder) RequestBytes(p []byte) {
	r.bytesIn.Store(r.bytesIn.Load() + int64(len(p)))
	r.touch()
	if r.sent.read(p) {
		model := r.secrets.mask(r.sent.name)
		r.mu.Lock()
		r.model = model
		r.mu.Unlock()
	}
}

// ResponseHead begins to read the answer, if there is usage to be found in it.
func (r *recorder) ResponseHead(res *gateway.Response) {
	if r.listed {
		r.firstByte.Store(int64(time.Since(r.start)))
	}
	r.record.head = true
	phase := answering
	if r.record.stream = res.IsStream(); r.record.stream {
		phase = streaming
		r.route.streaming.Add(1)
	}
	switch {
	case res.Status == 101:
		if r.frames == nil {
			r.frames = new(usage.Frames)
		}
		r.frames.Reset(string(header(res, wire.Other, "sec-websocket-extensions")))
		r.reading, phase = aSession, tunnelled
	case hasBody(res.Status, r.record.method):
		r.scanner.Reset(usage.Response{
			Status:          res.Status,
			ContentType:     mediaName(header(res, wire.ContentType, "")),
			ContentEncoding: string(header(res, wire.ContentEncoding, "")),
			Path:            r.sent.path,
		})
		r.reading = aBody
	default:
		r.scanner.Reset(usage.Response{}) // or it would show the last answer's progress
	}
	r.phase.Store(phase)
}

// hasBody reports an answer that may carry usage. The others have no body to
// read, or no usage in it.
func hasBody(status int, method string) bool {
	return status >= 200 && status <= 299 && status != 204 && status != 205 && method != "HEAD"
}

// header is the value of an answer's header: of a known one, or of the one with
// that lower-case name.
func header(res *gateway.Response, known wire.Known, name string) []byte {
	for i := range res.Fields {
		f := &res.Fields[i]
		if f.Known == known && (known != wire.Other || wire.EqualFold(f.Name, name)) {
			return f.Value
		}
	}
	return nil
}

// ResponseBytes reads a piece of the answer.
func (r *recorder) ResponseBytes(p []byte) {
	r.bytesOut.Store(r.bytesOut.Load() + int64(len(p)))
	r.touch()
	switch r.reading {
	case aBody:
		r.scanner.Write(p)
	case aSession:
		r.frames.Write(p)
	}
}

// End makes the record, hands it out and returns the recorder to its pool.
func (r *recorder) End(o *gateway.Outcome) {
	if r.listed {
		r.ob.live.remove(r)
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
	r.ob.ended(rec)
	r.recycle()
}

// endReading takes in what was learnt from the answer.
func (r *recorder) endReading(rec *record) {
	var got usage.Result
	switch r.reading {
	case nothing:
		return
	case aBody:
		got = r.scanner.End(rec.end == gateway.Complete)
	case aSession:
		got = r.frames.End()
	}
	if got.Truncated && rec.end == gateway.Complete {
		rec.end = gateway.Truncated
	}
	rec.usage, rec.counted = got.Usage, known(&got.Usage)
	if r.secrets.in(got.Usage.Raw) {
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
	r.reading = nothing
	r.phase.Store(asking)
	r.bytesIn.Store(0)
	r.bytesOut.Store(0)
	r.token, r.model, r.upstream, r.key = "", "", "", ""
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

// methodName does the same for a method.
func methodName(method []byte) string {
	switch string(method) {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "OPTIONS":
		return "OPTIONS"
	}
	return string(method)
}
