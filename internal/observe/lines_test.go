package observe

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// sink keeps what is written; while held, writing to it blocks.
type sink struct {
	held sync.Mutex
	mu   sync.Mutex
	b    bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.held.Lock()
	defer s.held.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestLinesComeOutInOrderAndWhole(t *testing.T) {
	s := new(sink)
	l := NewLines(s)
	var want string
	p := make([]byte, 0, 100)
	for i := range 100 {
		p = fmt.Appendf(p[:0], "line %d\n", i) // the memory is the writer's again at once
		l.Write(p)
		want += string(p)
	}
	l.Flush(5 * time.Second)
	if got := s.String(); got != want {
		t.Errorf("got %q", got)
	}
	if l.Dropped() != 0 {
		t.Errorf("%d lines were dropped", l.Dropped())
	}
}

func TestBlockedSinkHoldsNobodyUp(t *testing.T) {
	s := new(sink)
	s.held.Lock()
	l := NewLines(s)
	const written = 3 * queued
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range written {
			if n, err := l.Write([]byte("line\n")); n != 5 || err != nil {
				t.Errorf("Write returned %d, %v", n, err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("writing blocks while the sink does")
	}
	if d := l.Dropped(); d < written-queued-1 || d > written-queued {
		t.Errorf("%d of %d lines are counted as dropped, with room for %d", d, written, queued)
	}
	s.held.Unlock()
	l.Flush(5 * time.Second)
	if got := int64(bytes.Count([]byte(s.String()), []byte("\n"))); got != written-l.Dropped() {
		t.Errorf("%d lines came out, want all that were not dropped, %d", got, written-l.Dropped())
	}
}

func TestFlushGivesUpOnABlockedSink(t *testing.T) {
	s := new(sink)
	s.held.Lock()
	defer s.held.Unlock()
	l := NewLines(s)
	l.Write([]byte("line\n"))
	began := time.Now()
	l.Flush(50 * time.Millisecond)
	if took := time.Since(began); took < 50*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// closedSink is a sink whose reader has gone.
type closedSink struct{}

func (closedSink) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestClosedSinkFailsNobody(t *testing.T) {
	l := NewLines(closedSink{})
	for range 3 * queued {
		if _, err := l.Write([]byte("line\n")); err != nil {
			t.Fatal(err)
		}
	}
	l.Flush(5 * time.Second)
}
