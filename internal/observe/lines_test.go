package observe

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// blocking is a sink that takes nothing until it is released.
type blocking struct {
	buffer
	release chan struct{}
	writes  int
}

func (b *blocking) Write(p []byte) (int, error) {
	<-b.release
	b.writes++
	return b.buffer.Write(p)
}

func TestABlockedSinkDelaysNobodyAndLosesLinesThatAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &blocking{release: make(chan struct{})}
		l := NewLines(sink)
		line := []byte(strings.Repeat("x", 1023) + "\n")
		l.Write(line)
		synctest.Wait() // the sink holds the first
		before := time.Now()
		for range mayWait/len(line) + 5 {
			l.Write(line)
		}
		if l.Flush(time.Second); time.Since(before) != time.Second {
			t.Errorf("flushing a blocked sink took %v, want the second that it was given", time.Since(before))
		}
		if l.Dropped() != 5 {
			t.Errorf("%d lines were dropped, want 5", l.Dropped())
		}
		close(sink.release)
		l.Close(time.Minute)
		if got, want := len(sink.String()), mayWait+len(line); got != want {
			t.Errorf("%d bytes were written, want %d", got, want)
		}
		if sink.writes != 2 {
			t.Errorf("there were %d writes: what had gathered should go out in one", sink.writes)
		}
	})
}

func TestManyLinesAreNotMadeToWaitForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &blocking{release: make(chan struct{})}
		close(sink.release)
		l := newLines(sink, time.Hour)
		defer l.Close(time.Second)
		l.Write([]byte("a\n"))
		synctest.Wait()
		l.Write([]byte(strings.Repeat("x", enough-4) + "\n"))
		if synctest.Wait(); sink.writes != 0 {
			t.Error("the batch went out before it was large")
		}
		l.Write([]byte("b\n"))
		if synctest.Wait(); len(sink.String()) != enough+1 {
			t.Errorf("%d bytes had gone out, want all %d", len(sink.String()), enough+1)
		}
	})
}

func TestLinesGatherForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &blocking{release: make(chan struct{})}
		close(sink.release)
		l := newLines(sink, gathering)
		defer l.Close(time.Second)
		for range 5 {
			l.Write([]byte("a\n"))
			time.Sleep(time.Millisecond)
		}
		if sink.String() != "" {
			t.Fatalf("%q was written at once", sink.String())
		}
		time.Sleep(gathering)
		synctest.Wait()
		if sink.String() != "a\na\na\na\na\n" || sink.writes != 1 {
			t.Errorf("%q in %d writes, want all five lines in one", sink.String(), sink.writes)
		}
		l.Write([]byte("b\n"))
		synctest.Wait()
		before := time.Now()
		l.Flush(time.Minute)
		if time.Since(before) != 0 || !strings.HasSuffix(sink.String(), "b\n") {
			t.Errorf("a flush waited %v for more lines", time.Since(before))
		}
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestLinesThatASinkRefusesAreCounted(t *testing.T) {
	l := NewLines(failing{})
	l.Write([]byte("a\n"))
	l.Write([]byte("b\n"))
	l.Close(patienceOfTests)
	if l.Dropped() != 2 {
		t.Errorf("%d lines were counted, want 2", l.Dropped())
	}
}

// small is a sink with room for so many bytes, as a disk has.
type small struct {
	buffer
	room int
}

func (s *small) Write(p []byte) (int, error) {
	n := min(s.room, len(p))
	s.room -= n
	s.buffer.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left")
	}
	return n, nil
}

func TestALineThatWasTornCostsNoOther(t *testing.T) {
	sink := &small{room: 7}
	l := NewLines(sink)
	defer l.Close(patienceOfTests)
	say := func(line string) {
		l.Write([]byte(line + "\n"))
		l.Flush(patienceOfTests)
	}
	say("first")
	say("second")
	say("third")
	sink.room = 100
	say("fourth")
	say("fifth")
	if got, want := sink.String(), "first\ns\nfourth\nfifth\n"; got != want {
		t.Errorf("the sink has %q, want %q", got, want)
	}
	if l.Dropped() != 2 {
		t.Errorf("%d lines were counted as lost, want 2", l.Dropped())
	}
}
