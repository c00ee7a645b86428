package server

import (
	"crypto/sha256"
	"maps"
	"os"
	"time"

	"ai-gw-lite/internal/config"
)

const (
	lookEvery = 500 * time.Millisecond
	quiet     = time.Second // how long content must stand still before it counts
)

// watch notices that files hold something else than what was last read from
// them. It looks at their content and at nothing else: editors that write in
// place or put a new file there, mounts whose symlinks are moved, network file
// systems and clocks that are set back then all come to the same. The trade is
// a few small reads twice a second.
type watch struct {
	held  contents // when they were last read
	seen  contents // at the last look
	since time.Time
}

// contents is what files hold, each by its path: the SHA-256 of it. The zero
// value is for a file that cannot be read.
type contents map[string][sha256.Size]byte

// hold makes held what the files are compared with.
func (w *watch) hold(held contents) { w.held, w.seen = held, maps.Clone(held) }

// look reports whether the files hold something new, and have for long enough
// to think that whoever writes them is done.
func (w *watch) look(now time.Time) bool {
	if seen := w.read(); !maps.Equal(seen, w.seen) {
		w.seen, w.since = seen, now
	}
	return !maps.Equal(w.seen, w.held) && now.Sub(w.since) >= quiet
}

func (w *watch) read() contents {
	seen := make(contents, len(w.held))
	for path, held := range w.held {
		seen[path] = held
		if mayRead(path) {
			seen[path] = sum(config.OS().ReadFile(path))
		}
	}
	return seen
}

// mayRead keeps away from a pipe, which a config can well be: it holds nothing
// any more, or a read waits for ever.
func mayRead(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

func sum(content []byte, err error) (s [sha256.Size]byte) {
	if err == nil {
		s = sha256.Sum256(content)
	}
	return s
}
