package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ai-gw-lite/internal/config"
)

const fileText = `
listen: "127.0.0.1:0"
gateway_auth: {tokens: ["${file:secret}"]}
rate_limit: {per_minute: %s}
routes:
  - {id: "a", prefix: "/a", upstream: {base_url: "http://127.0.0.1:1"}}
`

// watched is a configuration file in a folder, and what was loaded from it.
type watched struct {
	t        *testing.T
	dir      string
	path     string
	log      *syncBuffer
	reloader *Reloader
	applied  []*config.Config
	failing  error // what Apply returns
}

// watchFile loads a configuration and watches it. Time is the bubble's.
func watchFile(t *testing.T, path func(dir string) string) *watched {
	w := &watched{t: t, dir: t.TempDir(), log: new(syncBuffer)}
	w.path = path(w.dir)
	w.reloader = NewReloader(w.path, slog.New(slog.NewTextHandler(w.log, nil)))
	w.reloader.Apply = func(c *config.Config) error {
		if w.failing == nil {
			w.applied = append(w.applied, c)
		}
		return w.failing
	}
	if _, err := w.reloader.Load(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.reloader.Run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	return w
}

// plainFile is a configuration in a file of its own.
func plainFile(t *testing.T) func(dir string) string {
	return func(dir string) string {
		write(t, dir+"/secret", "gw_one\n")
		write(t, dir+"/gateway.yaml", fmt.Sprintf(fileText, "1"))
		return dir + "/gateway.yaml"
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// inForce fails the test unless exactly one configuration, with that limit, was
// applied within 3 s, and none after them.
func (w *watched) inForce(limit int) {
	w.t.Helper()
	time.Sleep(3 * time.Second)
	synctest.Wait()
	if n := len(w.applied); n != 1 || w.applied[0].RateLimit.PerMinute != limit {
		w.t.Fatalf("%d configurations were applied within 3 s, want one with the limit %d\n%s", n, limit, w.log)
	}
	w.nothingMore()
	w.applied = nil
}

func (w *watched) nothingMore() {
	w.t.Helper()
	n := len(w.applied)
	time.Sleep(time.Minute)
	synctest.Wait()
	if len(w.applied) != n {
		w.t.Fatalf("applied again although nothing has changed\n%s", w.log)
	}
}

func TestReloadWhateverWayTheFileIsWritten(t *testing.T) {
	text := fmt.Sprintf(fileText, "2")
	for _, row := range []struct {
		name  string
		write func(w *watched)
	}{
		{"in place", func(w *watched) { write(w.t, w.path, text) }},
		{"in place, in two halves", func(w *watched) {
			half := strings.Index(text, "routes:") // the first half alone is no configuration
			write(w.t, w.path, text[:half])
			time.Sleep(900 * time.Millisecond)
			f, err := os.OpenFile(w.path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				w.t.Fatal(err)
			}
			defer f.Close()
			f.WriteString(text[half:])
		}},
		{"renamed over", func(w *watched) {
			write(w.t, w.dir+"/.gateway.yaml.swp", text)
			rename(w.t, w.dir+"/.gateway.yaml.swp", w.path)
		}},
		{"moved away and made anew", func(w *watched) {
			rename(w.t, w.path, w.path+"~")
			time.Sleep(700 * time.Millisecond)
			write(w.t, w.path, text)
		}},
		{"with its old size and times", func(w *watched) {
			info, err := os.Stat(w.path)
			if err != nil {
				w.t.Fatal(err)
			}
			write(w.t, w.path, text)
			os.Chtimes(w.path, info.ModTime(), info.ModTime())
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watchFile(t, plainFile(t))
				w.nothingMore()
				row.write(w)
				w.inForce(2)
				if strings.Contains(w.log.String(), "rejected") {
					t.Errorf("half a file was taken for a whole one:\n%s", w.log)
				}
			})
		})
	}
}

// Kubernetes mounts a ConfigMap as links through ..data, which it moves.
func TestMountWhoseLinkMovesIsReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		version := func(dir, name, limit string) {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/"+name+"/gateway.yaml", fmt.Sprintf(fileText, limit))
			write(t, dir+"/"+name+"/secret", "gw_"+name+"\n")
		}
		link := func(to, name string) {
			if err := os.Symlink(to, name); err != nil {
				t.Skipf("no symbolic links: %v", err)
			}
		}
		w := watchFile(t, func(dir string) string {
			version(dir, "..1", "1")
			link("..1", dir+"/..data")
			link("..data/gateway.yaml", dir+"/gateway.yaml")
			link("..data/secret", dir+"/secret")
			return dir + "/gateway.yaml"
		})
		version(w.dir, "..2", "2")
		link("..2", w.dir+"/..data_tmp")
		rename(t, w.dir+"/..data_tmp", w.dir+"/..data")
		w.inForce(2)
		version(w.dir, "..3", "3")
		link("..3", w.dir+"/..data_tmp")
		rename(t, w.dir+"/..data_tmp", w.dir+"/..data")
		if err := os.RemoveAll(w.dir + "/..1"); err != nil {
			t.Fatal(err)
		}
		w.inForce(3)
	})
}

func TestReloadWhenAFileThatIsNamedChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchFile(t, plainFile(t))
		write(t, w.dir+"/secret", "gw_two\n")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(w.applied) != 1 || w.applied[0].Auth.Tokens[0] != "gw_two" {
			t.Fatalf("the new secret is not in force\n%s", w.log)
		}
	})
}

func TestTouchedFileIsNotReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchFile(t, plainFile(t))
		write(t, w.path, fmt.Sprintf(fileText, "2"))
		time.Sleep(300 * time.Millisecond)
		write(t, w.path, fmt.Sprintf(fileText, "1")) // back, before it counted
		w.nothingMore()
	})
}

func TestBadFileChangesNothingUntilItIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchFile(t, plainFile(t))
		write(t, w.path, fmt.Sprintf(fileText, "zero")+"no_such_field: 1\n")
		w.nothingMore()
		_, err := config.Load(w.path, config.OS())
		problems, ok := errors.AsType[config.Problems](err)
		if !ok || len(problems.List) != 2 {
			t.Fatalf("loading the bad file: %v, want two problems", err)
		}
		for _, p := range problems.List { // each as check prints it, once
			if want := fmt.Sprintf("level=ERROR msg=\"config rejected\" problem=%q", p); strings.Count(w.log.String(), want) != 1 {
				t.Errorf("%s\nis not in the log once:\n%s", want, w.log)
			}
		}
		write(t, w.path, strings.Replace(fmt.Sprintf(fileText, "2"), "file:secret", "file:later", 1))
		w.nothingMore()
		write(t, w.dir+"/later", "gw_late\n") // the file that was missing
		w.inForce(2)
	})
}

func TestFileThatCannotBePutInForceIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchFile(t, plainFile(t))
		w.failing = config.Problem{File: "gateway.yaml", Line: 2, Column: 9, Field: "listen", Message: "the port is taken"}
		write(t, w.path, fmt.Sprintf(fileText, "2"))
		w.nothingMore()
		if n := strings.Count(w.log.String(), `msg="config rejected" problem="gateway.yaml:2:9: listen: the port is taken"`); n != 1 {
			t.Errorf("rejected %d times, want once:\n%s", n, w.log)
		}
		w.failing = nil
		w.reloader.Ask()
		w.inForce(2)
	})
}

func TestChangeWhileReloadingIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchFile(t, plainFile(t))
		apply := w.reloader.Apply
		w.reloader.Apply = func(c *config.Config) error {
			if c.RateLimit.PerMinute == 2 {
				write(t, w.path, fmt.Sprintf(fileText, "3"))
			}
			return apply(c)
		}
		write(t, w.path, fmt.Sprintf(fileText, "2"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := len(w.applied); n != 2 || w.applied[1].RateLimit.PerMinute != 3 {
			t.Fatalf("%d configurations were applied, want the second with the limit 3\n%s", n, w.log)
		}
	})
}

func TestChangeWhileLoadingIsNotMissed(t *testing.T) {
	path := plainFile(t)(t.TempDir())
	r := NewReloader(path, slog.New(slog.DiscardHandler))
	r.env.ReadFile = func(file string) ([]byte, error) {
		if file != path { // the secret, which comes behind the configuration
			write(t, path, fmt.Sprintf(fileText, "2"))
		}
		return config.OS().ReadFile(file)
	}
	if c, err := r.Load(); err != nil || c.RateLimit.PerMinute != 1 {
		t.Fatal(c, err)
	}
	now := time.Now()
	if r.watch.look(now); !r.watch.look(now.Add(quiet)) {
		t.Error("the change is taken for what was loaded")
	}
}

func TestReloadIsDoneWhenAskedForWhateverTheFileHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchFile(t, plainFile(t))
		var said []string
		w.reloader.Began = func() { said = append(said, "began") }
		w.reloader.Ended = func(ok bool) { said = append(said, fmt.Sprint(ok)) }
		w.reloader.Ask()
		w.inForce(1)
		write(t, w.path, "")
		w.reloader.Ask()
		synctest.Wait()
		if got := strings.Join(said, " "); got != "began true began false" {
			t.Errorf("around the reloads came %q", got)
		}
		if !strings.Contains(w.log.String(), `level=INFO msg="config reloaded"`) {
			t.Errorf("the log says\n%s", w.log)
		}
	})
}

func TestFileIsNotWatchedWhereTheConfigurationSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchFile(t, plainFile(t))
		const unwatched = "reload: {watch: false}\n"
		write(t, w.path, fmt.Sprintf(fileText, "2")+unwatched)
		w.inForce(2)
		write(t, w.path, fmt.Sprintf(fileText, "3")+unwatched)
		w.nothingMore()
		if len(w.applied) != 0 {
			t.Fatal("a change was applied that nobody watched for")
		}
		write(t, w.path, fmt.Sprintf(fileText, "4"))
		w.reloader.Ask()
		w.inForce(4)
		write(t, w.path, fmt.Sprintf(fileText, "5"))
		w.inForce(5)
	})
}

func TestReloadWaitsWhileItIsHeld(t *testing.T) {
	path := plainFile(t)(t.TempDir())
	r := NewReloader(path, slog.New(slog.DiscardHandler))
	var released atomic.Bool
	applied := make(chan bool, 1)
	r.Apply = func(*config.Config) error { applied <- released.Load(); return nil }
	if _, err := r.Load(); err != nil {
		t.Fatal(err)
	}
	release := r.Hold()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go r.Run(ctx)
	r.Ask()
	if !within(patienceOfTests, func() bool { return len(r.asked) == 0 }) {
		t.Fatal("the reloader does not run")
	}
	if within(20*time.Millisecond, func() bool { return len(applied) > 0 }) {
		t.Fatal("reloaded while held")
	}
	released.Store(true)
	release()
	if !<-applied {
		t.Error("reloaded before the release")
	}
}

func TestPipeIsReadOnceAndNotWatched(t *testing.T) {
	if _, err := os.Stat("/dev/stdin"); err != nil {
		t.Skip("no such thing here")
	}
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fmt.Fprintf(pipe, strings.Replace(fileText, "${file:secret}", "gw_one", 1), "1")
	pipe.Close()
	synctest.Test(t, func(t *testing.T) {
		w := watchFile(t, func(string) string { return fmt.Sprintf("/dev/fd/%d", r.Fd()) })
		w.nothingMore()
		if w.log.String() != "" {
			t.Errorf("the log says\n%s", w.log)
		}
	})
}
