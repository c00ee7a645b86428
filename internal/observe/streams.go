package observe

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/usage"
	"ai-gw-lite/internal/wire"
)

// Stream is an exchange in flight, as the operator's API lists it.
type Stream struct {
	ID       string      `json:"id"`     // the request id, or a number where request ids are off
	AgeMS    int64       `json:"age_ms"` // since its head was read
	Route    string      `json:"route"`
	Token    string      `json:"token"` // the token's name
	Model    string      `json:"model"` // as asked for; empty: not known, or not yet
	Upstream string      `json:"upstream"`
	Key      string      `json:"key"`
	State    State       `json:"state"`
	TTFBMS   *int64      `json:"ttfb_ms"` // null: no answer yet
	BytesIn  int64       `json:"bytes_in"`
	BytesOut int64       `json:"bytes_out"`
	Events   int64       `json:"events"`  // of the answer so far
	Tokens   usage.Count `json:"tokens"`  // of output so far, where the provider says so along the way
	IdleMS   int64       `json:"idle_ms"` // since a byte of a body passed, either way
}

// State is what an exchange in flight is doing.
type State string

const (
	Uploading State = "uploading" // its body goes upstream
	Waiting   State = "waiting"   // for an answer to begin
	Answering State = "answering" // an ordinary answer comes
	Streaming State = "streaming" // an answer that may last comes
	Tunnelled State = "websocket" // both sides may talk
)

// phase is how far an exchange has come; what it is set to may be read as soon
// as it is.
type phase = uint32

const (
	asking phase = iota
	answering
	streaming
	tunnelled
)

// live holds the exchanges in flight. It has parts, each with a lock that is
// taken when an exchange begins and when it ends, and for a moment by whoever
// looks; what happens in between takes no lock.
type live struct {
	serial atomic.Uint64
	parts  [16]struct {
		mu  sync.Mutex
		all map[*recorder]struct{}
		_   [40]byte // to the end of the cache line
	}
}

func (l *live) add(r *recorder) {
	r.serial = l.serial.Add(1)
	p := &l.parts[r.serial%uint64(len(l.parts))]
	p.mu.Lock()
	if p.all == nil {
		p.all = make(map[*recorder]struct{})
	}
	p.all[r] = struct{}{}
	p.mu.Unlock()
}

// remove makes sure that nobody looks at the recorder any more.
func (l *live) remove(r *recorder) {
	p := &l.parts[r.serial%uint64(len(l.parts))]
	p.mu.Lock()
	delete(p.all, r)
	p.mu.Unlock()
}

// Streams lists the exchanges in flight that began since the operator's API
// was enabled, oldest first. The list is the caller's.
func (o *Observatory) Streams() []Stream {
	list := []Stream{}
	for i := range o.live.parts {
		p := &o.live.parts[i]
		p.mu.Lock()
		for r := range p.all {
			list = append(list, r.stream())
		}
		p.mu.Unlock()
	}
	slices.SortStableFunc(list, func(a, b Stream) int { return int(b.AgeMS - a.AgeMS) })
	return list
}

// StreamsType is the Content-Type of StreamsText.
const StreamsType = "application/json"

// StreamList is what StreamsText writes, in JSON.
type StreamList struct {
	Streams []Stream `json:"streams"`
}

// StreamsText writes the exchanges in flight as JSON, on one line. It blocks as
// long as w does.
func (o *Observatory) StreamsText(w io.Writer) error {
	return json.NewEncoder(w).Encode(StreamList{o.Streams()})
}

// stream is the exchange as it stands. It must be listed: nothing that is read
// here is then written, but for what is atomic or under the lock.
func (r *recorder) stream() Stream {
	now := r.ob.now()
	s := Stream{
		ID:       r.record.requestID,
		AgeMS:    time.Since(r.start).Milliseconds(),
		Route:    r.route.id,
		Token:    r.token,
		BytesIn:  r.bytesIn.Load(),
		BytesOut: r.bytesOut.Load(),
		IdleMS:   max((now-r.touched.Load())/int64(time.Millisecond), 0),
	}
	if s.ID == "" {
		s.ID = strconv.FormatUint(r.serial, 10)
	}
	r.mu.Lock()
	s.Model, s.Upstream, s.Key = r.model, r.upstream, r.key
	r.mu.Unlock()
	phase := r.phase.Load()
	if phase != asking {
		ms := time.Duration(r.firstByte.Load()).Milliseconds()
		s.TTFBMS = &ms
	}
	var p usage.Progress
	switch phase {
	case asking:
		s.State = Waiting
		if r.uploads(s.BytesIn, s.IdleMS) {
			s.State = Uploading
		}
	case answering:
		s.State, p = Answering, r.scanner.Progress()
	case streaming:
		s.State, p = Streaming, r.scanner.Progress()
	case tunnelled:
		s.State, p = Tunnelled, r.frames.Progress()
	}
	s.Events, s.Tokens = p.Events, p.Output
	return s
}

// uploads tells an upload from waiting. Where a body does not say how long it
// is, one that has been silent for a second is taken for sent.
func (r *recorder) uploads(bytesIn, idleMS int64) bool {
	switch r.framing {
	case wire.ByLength:
		return bytesIn < r.length
	case wire.ByChunks:
		return idleMS < 1000
	}
	return false
}
