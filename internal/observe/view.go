package observe

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

// view is what anybody may look at of an exchange in flight. An exchange that
// is not listed keeps none of it: nobody will ask.
//
// What changes while it is listed is atomic, or under the lock.
type view struct {
	listed  bool
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

// phase is how far an exchange has come; what it is set to may be read as soon
// as it is.
type phase = uint32

const (
	asking phase = iota
	answering
	streaming
	tunnelled
)

// stateOf is what a phase is called; asking may be an upload too.
var stateOf = [...]State{asking: Waiting, answering: Answering, streaming: Streaming, tunnelled: Tunnelled}

// open begins to keep what is to be seen of an exchange.
func (v *view) open(b *gateway.Beginning, model string, now int64) {
	v.listed = true
	v.start, v.token, v.model = b.Start, b.Token, model
	v.framing, v.length = b.Head.Framing, b.Head.Length
	v.touched.Store(now)
}

// close forgets the exchange.
func (v *view) close() {
	v.listed = false
	v.phase.Store(asking)
	v.bytesIn.Store(0)
	v.bytesOut.Store(0)
	v.token, v.model, v.upstream, v.key = "", "", "", ""
}

func (v *view) setTarget(upstream, key string) {
	v.mu.Lock()
	v.upstream, v.key = upstream, key
	v.mu.Unlock()
}

// pass notes that n bytes passed, which way count tells. One goroutine at a time
// counts a way.
func (v *view) pass(count *atomic.Int64, n int, now int64) {
	count.Store(count.Load() + int64(n))
	v.touched.Store(now)
}

func (v *view) setModel(model string) {
	v.mu.Lock()
	v.model = model
	v.mu.Unlock()
}

// stream is the exchange as it stands. It must be listed: nothing that is read
// here is then written, but for what is atomic or under the lock.
func (r *recorder) stream(now int64) Stream {
	v := &r.view
	s := Stream{
		ID:       r.record.requestID,
		AgeMS:    time.Since(v.start).Milliseconds(),
		Route:    r.route.id,
		Token:    v.token,
		BytesIn:  v.bytesIn.Load(),
		BytesOut: v.bytesOut.Load(),
		IdleMS:   max((now-v.touched.Load())/int64(time.Millisecond), 0),
	}
	if s.ID == "" {
		s.ID = strconv.FormatUint(v.serial, 10)
	}
	v.mu.Lock()
	s.Model, s.Upstream, s.Key = v.model, v.upstream, v.key
	v.mu.Unlock()
	phase := v.phase.Load()
	if phase != asking {
		ms := time.Duration(v.firstByte.Load()).Milliseconds()
		s.TTFBMS = &ms
	}
	s.State = stateOf[phase]
	if phase == asking && v.uploads(s.BytesIn, s.IdleMS) {
		s.State = Uploading
	}
	p := r.progress(phase)
	s.Events, s.Tokens = p.Events, p.Output
	if s.Model == "" {
		s.Model = r.secrets.mask(p.Model)
	}
	return s
}

// progress is how far the answer has come. What it is read with is set before
// the phase.
func (r *recorder) progress(phase phase) (p usage.Progress) {
	switch {
	case phase == asking:
	case r.scanner != nil:
		p = r.scanner.Progress()
	case r.frames != nil:
		p = r.frames.Progress()
	}
	return p
}

// uploads tells an upload from waiting. Where a body does not say how long it
// is, one that has been silent for a second is taken for sent.
func (v *view) uploads(bytesIn, idleMS int64) bool {
	switch v.framing {
	case wire.ByLength:
		return bytesIn < v.length
	case wire.ByChunks:
		return idleMS < 1000
	}
	return false
}
