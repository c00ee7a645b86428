package observe

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// archive renames what was written in another period than now's.
func (l *logFile) archive(written, now string) error {
	info, err := os.Stat(l.path())
	if now == "" || err != nil || info.Size() == 0 {
		return nil // nothing to keep
	}
	if written == "" {
		written = info.ModTime().Local().Format(layouts[l.conf.Rotation])
	}
	if written == now {
		return nil
	}
	past := filepath.Join(l.conf.Dir, l.conf.Prefix+"."+written+".log")
	if _, err := os.Stat(past); err == nil {
		// The clock went back, as in autumn: the period has a file already.
		return moveBehind(past, l.path())
	}
	return os.Rename(l.path(), past)
}

// moveBehind appends a file to another and removes it.
func moveBehind(past, path string) error {
	dst, err := openToAppend(past)
	if err != nil {
		return err
	}
	src, err := os.Open(path)
	if err != nil {
		dst.Close()
		return err
	}
	_, err = io.Copy(dst, src)
	src.Close()
	if err := errors.Join(err, dst.Close()); err != nil {
		return err
	}
	return os.Remove(path)
}

// prune deletes the oldest files past max_files, the open one counted.
func (l *logFile) prune() error {
	entries, err := os.ReadDir(l.conf.Dir)
	if err != nil {
		return err
	}
	type past struct {
		name string
		time time.Time
	}
	var all []past
	for _, e := range entries {
		if t, ok := l.pastTime(e.Name()); ok {
			all = append(all, past{e.Name(), t})
		}
	}
	slices.SortFunc(all, func(a, b past) int { return b.time.Compare(a.time) })
	for _, p := range all[min(max(l.conf.MaxFiles-1, 0), len(all)):] {
		err = errors.Join(err, os.Remove(filepath.Join(l.conf.Dir, p.name)))
	}
	return err
}

// pastTime is the period of a file that is one of ours, whatever the rotation
// was then.
func (l *logFile) pastTime(name string) (time.Time, bool) {
	name, ours := strings.CutPrefix(name, l.conf.Prefix+".")
	stamp, log := strings.CutSuffix(name, ".log")
	if !ours || !log {
		return time.Time{}, false
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, stamp); err == nil && len(stamp) == len(layout) {
			return t, true
		}
	}
	return time.Time{}, false
}
