package observe

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"ai-gw-lite/internal/config"
)

// logFile is the log in files: PREFIX.log is open, and at the turn of its
// period, in local time, it becomes PREFIX.2026-11-23.log (or …-HH, …-HH-MM),
// named for the period its lines are of. It looks at the clock when it is
// written to, and at its folder once a second: a file that was moved or
// deleted is opened anew, and a folder that cannot be written is tried again.
//
// Another process may write to the same files, as one does during an upgrade:
// whoever comes first renames, with the folder locked, the other one notices.
type logFile struct {
	unpruned func(error) // called when old files cannot be deleted
	troubled func(error) // called once when writing begins to fail, and with nil when that is over

	wanted, given atomic.Pointer[config.LogFile] // given: what conf is

	mu      sync.Mutex // held while a file system may take its time
	conf    config.LogFile
	f       *os.File
	period  string    // that f's lines are of
	looked  time.Time // at the folder, to the second
	trouble error
}

var errNoLogFile = errors.New("the log file is off")

// layouts are the periods' names.
var layouts = map[string]string{
	"minutely": "2006-01-02-15-04",
	"hourly":   "2006-01-02-15",
	"daily":    "2006-01-02",
}

// configure says where to write from now on. It does not wait for a write that
// is under way: that one sees to it when it is done.
func (l *logFile) configure(c config.LogFile) {
	l.wanted.Store(&c)
	l.follow()
}

// follow puts in force what is wanted, if nobody is writing.
func (l *logFile) follow() {
	for l.wanted.Load() != l.given.Load() && l.mu.TryLock() {
		c := l.wanted.Load()
		if *c != l.conf {
			l.close()
			l.conf, l.looked, l.trouble = *c, time.Time{}, nil
		}
		l.given.Store(c)
		l.mu.Unlock()
	}
}

// Write appends lines. An error says that those past n bytes are lost; n is at
// the end of a line.
func (l *logFile) Write(lines []byte) (int, error) {
	defer l.follow()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.conf.Enabled {
		return 0, errNoLogFile
	}
	if second := time.Now().Truncate(time.Second); !second.Equal(l.looked) {
		l.looked = second
		if err := l.turn(second); err != nil {
			l.note(err)
		}
	}
	if l.f == nil {
		return 0, l.trouble
	}
	n, err := l.f.Write(lines)
	if err != nil {
		l.close()
		n = bytes.LastIndexByte(lines[:n], '\n') + 1 // the rest is mended by whoever opens the file
	}
	l.note(err)
	return n, err
}

// note remembers whether writing works, and tells when that changes. That a file
// could be opened says nothing: a full disk has room for its name.
func (l *logFile) note(err error) {
	if (err == nil) != (l.trouble == nil) {
		l.troubled(err)
	}
	l.trouble = err
}

// turn makes sure that the open file is the one that lines belong to now.
func (l *logFile) turn(now time.Time) error {
	period := now.Format(layouts[l.conf.Rotation])
	if l.f != nil && l.period == period && l.standsAt(l.path()) {
		return nil
	}
	if err := os.MkdirAll(l.conf.Dir, 0o755); err != nil {
		return err
	}
	unlock := lockFolder(l.conf.Dir)
	defer unlock()
	written := "" // the period of what stands there; empty: as its time says
	if l.f != nil && l.standsAt(l.path()) {
		written = l.period
	}
	l.close() // before it is renamed, which Windows wants
	if err := l.archive(written, period); err != nil {
		return err
	}
	f, err := openToAppend(l.path())
	if err != nil {
		return err
	}
	l.f, l.period = f, period
	if err := l.prune(); err != nil {
		l.unpruned(err)
	}
	return nil
}

// openToAppend opens a file where a line begins. A full disk, or a machine that
// stopped, may have torn the last one: what is left of it stays a line of its own.
func openToAppend(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil || !endsTorn(f, path) {
		return f, err
	}
	if _, err := f.Write([]byte{'\n'}); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// endsTorn reports a file that does not end with a line's end.
func endsTorn(f *os.File, path string) bool {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	r, err := os.Open(path)
	if err != nil {
		return false
	}
	defer r.Close()
	var last [1]byte
	n, _ := r.ReadAt(last[:], info.Size()-1)
	return n == 1 && last[0] != '\n'
}

func (l *logFile) path() string { return filepath.Join(l.conf.Dir, l.conf.Prefix+".log") }

// standsAt reports that the open file is still the one of that name.
func (l *logFile) standsAt(path string) bool {
	named, err := os.Stat(path)
	if err != nil {
		return false
	}
	open, err := l.f.Stat()
	return err == nil && os.SameFile(named, open)
}

func (l *logFile) close() {
	if l.f != nil {
		l.f.Close()
		l.f = nil
	}
}
