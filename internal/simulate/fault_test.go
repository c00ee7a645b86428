package simulate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"
)

// after reads the events that a fault lets through and returns how the body went
// on.
func after(t *testing.T, r *bufio.Reader, n int, next func(*bufio.Reader) (string, error)) error {
	t.Helper()
	for i := range n {
		if _, err := next(r); err != nil {
			t.Fatalf("event %d of %d: %v", i+1, n, err)
		}
	}
	_, err := r.ReadByte()
	return err
}

func TestStreamsBreakAfterTheChosenEvent(t *testing.T) {
	for _, s := range streams {
		for fault, want := range map[Fault]error{
			Reset:    syscall.ECONNRESET,
			Truncate: io.ErrUnexpectedEOF,
			EndEarly: io.EOF,
		} {
			for _, n := range []int{0, 3} {
				t.Run(fmt.Sprintf("%s %s %d", s.name, fault, n), func(t *testing.T) {
					gate := make(chan struct{}, n)
					server := start(t, Options{Gate: gate})
					res := ask(t, server.URL()+s.path, s.body, "X-Sim-Fault", string(fault), "X-Sim-After", fmt.Sprint(n))
					for range n {
						gate <- struct{}{}
					}
					r := bufio.NewReader(res.Body)
					for i := range n {
						if _, err := s.next(r); err != nil {
							t.Fatalf("event %d of %d: %v", i+1, n, err)
						}
					}
					close(gate) // only now may the fault come: a reset can overtake what is not read yet
					if _, err := r.ReadByte(); !errors.Is(err, want) {
						t.Errorf("then %v, want %v", err, want)
					}
				})
			}
		}
	}
}

func TestGarbageIsNoChunk(t *testing.T) {
	s := streams[0]
	for _, n := range []int{0, 3} {
		res := ask(t, start(t, Options{}).URL()+s.path, s.body, "X-Sim-Fault", "garbage", "X-Sim-After", fmt.Sprint(n))
		err := after(t, bufio.NewReader(res.Body), n, s.next)
		if err == nil || !strings.Contains(err.Error(), "invalid byte in chunk length") {
			t.Errorf("after %d events: %v", n, err)
		}
	}
}

func TestStallIsSilentUntilTheClientGoes(t *testing.T) {
	gone := make(chan string, 1)
	server := start(t, Options{OnCanceled: func(path string) { gone <- path }})
	s := streams[0]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := call(t, ctx, "POST", server.URL()+s.path, s.body, "X-Sim-Fault", "stall", "X-Sim-After", "2")
	if err != nil {
		t.Fatal(err)
	}
	silence := make(chan error)
	go func() { silence <- after(t, bufio.NewReader(res.Body), 2, s.next) }()
	select {
	case err := <-silence:
		t.Fatalf("a third event, or an end: %v", err)
	case <-time.After(50 * time.Millisecond): // silence can only be waited for
	}
	cancel()
	if err := <-silence; !errors.Is(err, context.Canceled) {
		t.Errorf("the body ended with %v", err)
	}
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the provider did not notice")
	}
}

func TestErrorEventHasTheProvidersShape(t *testing.T) {
	want := map[string]string{
		"chat":         `"error":{"message"`,
		"responses":    `"type":"error"`,
		"messages":     `"overloaded_error"`,
		"gemini":       `"status":"UNAVAILABLE"`,
		"gemini array": `"status":"UNAVAILABLE"`,
		"ollama":       `{"error":"`,
	}
	server := start(t, Options{})
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			res := ask(t, server.URL()+s.path, s.body, "X-Sim-Fault", "error-event", "X-Sim-After", "4")
			events := all(t, res, s.next)
			if len(events) != 5 {
				t.Fatalf("%d events, want 4 and the error", len(events))
			}
			if got := events[4]; !strings.Contains(got, want[s.name]) {
				t.Errorf("error event %q has no %q", got, want[s.name])
			}
		})
	}
}

func TestFaultsBeforeTheHeadLeaveNoAnswer(t *testing.T) {
	server := start(t, Options{})
	for fault, want := range map[string]string{
		"reset-before-head": "reset",
		"garbage-head":      "malformed HTTP",
	} {
		res, err := call(t, t.Context(), "POST", server.URL()+streams[0].path+"?sim_fault="+fault, streams[0].body)
		if err == nil {
			t.Errorf("%s: answered %s", fault, res.Status)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", fault, err, want)
		}
	}
}

func TestPlainAnswersBreakInTheMiddle(t *testing.T) {
	server := start(t, Options{})
	body := `{"model":"gpt-5","messages":[]}`
	whole, err := io.ReadAll(ask(t, server.URL()+"/v1/chat/completions", body, "X-Sim-Size", "4000").Body)
	if err != nil || len(whole) != 4000 {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	for _, n := range []int{0, 1} {
		res := ask(t, server.URL()+"/v1/chat/completions", body, "X-Sim-Size", "4000", "X-Sim-Fault", "truncate", "X-Sim-After", fmt.Sprint(n))
		part, err := io.ReadAll(res.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d: ended with %v", n, err)
		}
		if res.ContentLength != 4000 || len(part) != n*2000 {
			t.Errorf("after %d: %d of %d bytes", n, len(part), res.ContentLength)
		}
	}
}
