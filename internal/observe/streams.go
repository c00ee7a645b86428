package observe

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"ai-gw-lite/internal/usage"
)

// Stream is an exchange in flight, as the operator's API lists it.
type Stream struct {
	ID       string      `json:"id"`     // the request id, or a number where request ids are off
	AgeMS    int64       `json:"age_ms"` // since its head was read
	Route    string      `json:"route"`
	Token    string      `json:"token"` // the token's name
	Model    string      `json:"model"` // as asked for, else as answered; empty: not known, or not yet
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

// Streams lists the exchanges in flight that began since the operator's API
// was enabled, oldest first. The list is the caller's.
func (o *Observatory) Streams() []Stream {
	list := []Stream{}
	for i := range o.live.parts {
		p := &o.live.parts[i]
		p.mu.Lock()
		for r := range p.all {
			list = append(list, r.stream(o.now()))
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

// StreamsText writes the exchanges in flight as JSON, on one line which, like
// those of the log, commands no terminal. It blocks as long as w does.
func (o *Observatory) StreamsText(w io.Writer) error {
	text, err := json.Marshal(StreamList{o.Streams()})
	if err != nil {
		return fmt.Errorf("list the exchanges in flight: %w", err)
	}
	_, err = w.Write(append(appendCompact(nil, text), '\n'))
	return err
}
