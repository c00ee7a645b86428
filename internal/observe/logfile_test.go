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

func newLogFile(t *testing.T, rotation string, maxFiles int) (l *logFile, dir string, troubles *int) {
	troubles = new(int)
	l = &logFile{troubled: func(error) { *troubles++ }, unpruned: func(err error) { t.Error(err) }}
	dir = filepath.Join(t.TempDir(), "logs")
	l.configure(config.LogFile{Enabled: true, Dir: dir, Prefix: "gw", Rotation: rotation, MaxFiles: maxFiles})
	return l, dir, troubles
}

// files is what is in a folder: each file and what it says, in a line.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name()+"="+strings.ReplaceAll(string(b), "\n", ","))
	}
	return strings.Join(all, " ")
}

func say(t *testing.T, l *logFile, line string) {
	t.Helper()
	if n, err := l.Write([]byte(line + "\n")); err != nil || n != len(line)+1 {
		t.Fatalf("write %q: %d, %v", line, n, err)
	}
}

// Within a bubble it is midnight UTC of 1 January 2000; local time is what the
// files are named by.
func at(t *testing.T, clock string) {
	t.Helper()
	then, err := time.ParseInLocation("2006-01-02 15:04:05", clock, time.Local)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(then))
}

func TestAFileIsNamedForThePeriodOfItsLines(t *testing.T) {
	for _, c := range []struct{ rotation, want string }{
		{"minutely", "gw.2026-11-23-09-59.log=a,b, gw.2026-11-23-10-00.log=c, gw.2026-11-23-10-01.log=d, gw.log=e,"},
		{"hourly", "gw.2026-11-23-09.log=a,b, gw.2026-11-23-10.log=c,d, gw.log=e,"},
		{"daily", "gw.2026-11-23.log=a,b,c,d, gw.log=e,"},
		{"never", "gw.log=a,b,c,d,e,"},
	} {
		t.Run(c.rotation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, dir, _ := newLogFile(t, c.rotation, 10)
				defer l.configure(config.LogFile{})
				for _, s := range []struct{ clock, line string }{
					{"2026-11-23 09:59:10", "a"}, {"2026-11-23 09:59:59", "b"}, {"2026-11-23 10:00:00", "c"},
					{"2026-11-23 10:01:00", "d"}, {"2026-11-24 10:01:00", "e"},
				} {
					at(t, s.clock)
					say(t, l, s.line)
				}
				if got := files(t, dir); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

// Lines are written all the same, so nothing is said of lost ones.
func TestAnOldFileThatCannotBeDeletedIsTold(t *testing.T) {
	l, dir, troubles := newLogFile(t, "hourly", 1)
	defer l.configure(config.LogFile{})
	told := 0
	l.unpruned = func(error) { told++ }
	if err := os.MkdirAll(filepath.Join(dir, "gw.2020-01-01.log", "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	say(t, l, "one")
	say(t, l, "two")
	if told != 1 || *troubles != 0 {
		t.Errorf("%d times it was told that a file stays, and %d times that lines are lost", told, *troubles)
	}
}

func TestMaxFilesCountsAllOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, dir, _ := newLogFile(t, "daily", 3)
		defer l.configure(config.LogFile{})
		os.MkdirAll(dir, 0o755)
		for _, other := range []string{"gw.notes.log", "gw.2026-01-01.txt", "other.2026-01-01.log", "gw.2026-11-20-08.log"} {
			os.WriteFile(filepath.Join(dir, other), nil, 0o600)
		}
		for _, day := range []string{"21", "22", "23", "24"} {
			at(t, "2026-11-"+day+" 12:00:00")
			say(t, l, day)
		}
		want := "gw.2026-01-01.txt= gw.2026-11-22.log=22, gw.2026-11-23.log=23, gw.log=24, gw.notes.log= other.2026-01-01.log="
		if got := files(t, dir); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestWhatAnEarlierProcessLeftIsArchivedByItsTime(t *testing.T) {
	l, dir, _ := newLogFile(t, "daily", 7)
	defer l.configure(config.LogFile{})
	os.MkdirAll(dir, 0o755)
	left := filepath.Join(dir, "gw.log")
	os.WriteFile(left, []byte("old\n"), 0o600)
	then := time.Date(2026, 3, 5, 12, 0, 0, 0, time.Local)
	os.Chtimes(left, then, then)
	say(t, l, "new")
	if got, want := files(t, dir), "gw.2026-03-05.log=old, gw.log=new,"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestALineThatAnEarlierProcessLeftTornCostsNoOther(t *testing.T) {
	l, dir, _ := newLogFile(t, "never", 7)
	defer l.configure(config.LogFile{})
	os.MkdirAll(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "gw.log"), []byte("whole\nto"), 0o600)
	say(t, l, "new")
	if got, want := files(t, dir), "gw.log=whole,to,new,"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAPeriodThatComesTwiceIsInOneFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, dir, _ := newLogFile(t, "hourly", 7)
		defer l.configure(config.LogFile{})
		at(t, "2026-10-25 02:30:00")
		say(t, l, "second")
		// An hour that the clock went back to has been archived before.
		os.WriteFile(filepath.Join(dir, "gw.2026-10-25-02.log"), []byte("first\n"), 0o600)
		at(t, "2026-10-25 03:30:00")
		say(t, l, "third")
		if got, want := files(t, dir), "gw.2026-10-25-02.log=first,second, gw.log=third,"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestAFileThatVanishesIsOpenedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, dir, troubles := newLogFile(t, "never", 7)
		defer l.configure(config.LogFile{})
		say(t, l, "a")
		if err := os.Rename(filepath.Join(dir, "gw.log"), filepath.Join(dir, "taken")); err != nil {
			t.Skip(err) // Windows keeps a file that is open where it is
		}
		time.Sleep(time.Second)
		say(t, l, "b")
		if got, want := files(t, dir), "gw.log=b, taken=a,"; got != want || *troubles != 0 {
			t.Errorf("got %s and %d complaints, want %s", got, *troubles, want)
		}
	})
}

func TestAFolderThatCannotBeWrittenIsToldOnceAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, dir, troubles := newLogFile(t, "never", 7)
		defer l.configure(config.LogFile{})
		os.WriteFile(dir, nil, 0o600) // a file stands where the folder should
		for range 5 {
			if _, err := l.Write([]byte("lost\n")); err == nil {
				t.Fatal("a line was written into no folder")
			}
			time.Sleep(time.Second / 2)
		}
		if *troubles != 1 {
			t.Errorf("it was told %d times, want once", *troubles)
		}
		os.Remove(dir)
		time.Sleep(time.Second)
		say(t, l, "again")
		if got, want := files(t, dir), "gw.log=again,"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// As during an upgrade in place.
func TestTwoProcessesShareTheFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, dir, _ := newLogFile(t, "minutely", 7)
		other := &logFile{troubled: func(err error) { t.Error(err) }, unpruned: l.unpruned}
		other.configure(l.conf)
		defer l.configure(config.LogFile{})
		defer other.configure(config.LogFile{})
		at(t, "2026-11-23 09:59:10")
		touch := func() { os.Chtimes(filepath.Join(dir, "gw.log"), time.Now(), time.Now()) } // as the bubble's time has it
		say(t, l, "a")
		touch()
		say(t, other, "b")
		at(t, "2026-11-23 10:00:00")
		say(t, other, "c")
		touch()
		say(t, l, "d")
		if got, want := files(t, dir), "gw.2026-11-23-09-59.log=a,b, gw.log=c,d,"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
