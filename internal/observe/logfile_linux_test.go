package observe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ai-gw-lite/internal/config"
)

// An open that works does not mean that writing does.
func TestAFullDiskIsToldOnceAndSoIsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, dir, _ := newLogFile(t, "never", 7)
		defer l.configure(config.LogFile{})
		var told []string
		l.troubled = func(err error) {
			if err == nil {
				told = append(told, "over")
			} else {
				told = append(told, err.Error())
			}
		}
		os.MkdirAll(dir, 0o755)
		path := filepath.Join(dir, "gw.log")
		if err := os.Symlink("/dev/full", path); err != nil {
			t.Skip(err)
		}
		for range 5 {
			if _, err := l.Write([]byte("lost\n")); err == nil {
				t.Fatal("written to a full disk")
			}
			time.Sleep(time.Second)
		}
		os.Remove(path)
		say(t, l, "kept")
		say(t, l, "kept too")
		if len(told) != 2 || !strings.Contains(told[0], "no space left") || told[1] != "over" {
			t.Errorf("told %q", told)
		}
	})
}
