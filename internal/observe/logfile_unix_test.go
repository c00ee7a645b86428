//go:build unix

package observe

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
)

// A pipe that nobody reads stands for a file system that hangs: whoever opens
// it or writes to it waits.
func TestAFileThatBlocksHoldsUpNeitherReloadNorStop(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "gw.log")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	on := asked()
	on.Logging.File = config.LogFile{Enabled: true, Dir: dir, Prefix: "gw", Rotation: "never", MaxFiles: 2}
	c := loadConfig(t, "http://127.0.0.1:1", on)
	o := newObservatory(t, c)
	t.Cleanup(func() { // before o is closed
		reader, err := os.OpenFile(pipe, os.O_RDWR, 0)
		if err == nil {
			time.AfterFunc(time.Second, func() { reader.Close() })
		}
	})
	o.Log().Info("this one waits")
	for end := time.Now().Add(patienceOfTests); !blocked(o); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the file does not block")
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		elsewhere, off := *on, *on
		elsewhere.Logging.File.Prefix = "other"
		off.Logging.File.Enabled = false
		for _, next := range []*config.Observability{&elsewhere, on, &off} {
			c := *c
			c.Observability = next
			if err := o.Reconfigure(&c); err != nil {
				t.Error(err)
			}
		}
		o.Close(time.Second)
	}()
	select {
	case <-done:
	case <-time.After(patienceOfTests):
		t.Fatal("reloading and stopping wait for a file that blocks")
	}
}

// blocked: somebody is writing to the file.
func blocked(o *observatory) bool {
	if o.file.mu.TryLock() {
		o.file.mu.Unlock()
		return false
	}
	return true
}

// Two processes whose files turn in the same moment, as during an upgrade under
// load: no line is lost, none is in the wrong file, and nobody complains.
func TestTwoProcessesThatTurnAtOnceLoseNothing(t *testing.T) {
	for range 100 {
		dir := t.TempDir()
		conf := config.LogFile{Enabled: true, Dir: dir, Prefix: "gw", Rotation: "minutely", MaxFiles: 7}
		now := time.Now()
		var two [2]*logFile
		for i := range two {
			two[i] = &logFile{conf: conf}
			if err := two[i].turn(now.Add(-time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		for _, l := range two {
			l.f.WriteString("before\n")
		}
		turn := make(chan struct{})
		var all sync.WaitGroup
		for _, l := range two {
			all.Go(func() {
				<-turn
				if err := l.turn(now); err != nil {
					t.Errorf("turning: %v", err)
					return
				}
				l.f.WriteString("after\n")
			})
		}
		close(turn)
		all.Wait()
		for _, l := range two {
			l.close()
		}
		if time.Now().Minute() != now.Minute() {
			continue // what is written now is of another period
		}
		past := "gw." + now.Add(-time.Minute).Format(layouts["minutely"]) + ".log"
		if got, want := files(t, dir), past+"=before,before, gw.log=after,after,"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}
