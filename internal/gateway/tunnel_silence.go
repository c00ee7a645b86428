package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/wire"
)

// tunnelSilence ends a tunnel in which nothing was said for too long.
type tunnelSilence struct {
	limit time.Duration // 0: never
	last  atomic.Int64  // when something was said, in Unix nanoseconds
	slow  atomic.Bool   // the client is still taking what was said
	over  atomic.Bool
	timer *time.Timer
	mu    sync.Mutex // over timer
}

// watchSilence calls end once, after limit without a byte.
func watchSilence(limit time.Duration, end func()) *tunnelSilence {
	s := &tunnelSilence{limit: limit}
	if limit == 0 {
		return s
	}
	s.last.Store(time.Now().UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(limit, func() {
		slow := s.slow.Load() // before last, which is set first when it ends
		left := limit - time.Since(time.Unix(0, s.last.Load()))
		if slow {
			left = limit
		}
		if left <= 0 {
			s.over.Store(true)
			end()
			return
		}
		s.mu.Lock()
		s.timer.Reset(left)
		s.mu.Unlock()
	})
	return s
}

// broken notes each piece before saw sees it.
func (s *tunnelSilence) broken(saw func(*wire.Piece)) func(*wire.Piece) {
	if s.limit == 0 {
		return saw
	}
	return func(p *wire.Piece) {
		s.last.Store(time.Now().UnixNano())
		saw(p)
	}
}

// patient is write for the client, whose slowness is no silence.
func (s *tunnelSilence) patient(write func([]byte) error) func([]byte) error {
	if s.limit == 0 {
		return write
	}
	return func(p []byte) error {
		s.slow.Store(true)
		err := write(p)
		s.last.Store(time.Now().UnixNano())
		s.slow.Store(false)
		return err
	}
}

// stop ends the watch and says whether it has ended the tunnel.
func (s *tunnelSilence) stop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	return s.over.Load()
}
