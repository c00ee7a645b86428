package simulate

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The provider makes no event before the test has let it, and the test lets it
// only after it has read the one before: were events held back anywhere, both
// would wait for ever.
func TestEveryEventLeavesBeforeTheNextIsMade(t *testing.T) {
	for _, encoding := range []string{"", "gzip", "deflate"} {
		for _, s := range streams {
			t.Run(s.name+" "+encoding, func(t *testing.T) {
				gate := make(chan struct{})
				server := start(t, Options{Gate: gate})
				res := ask(t, server.URL()+s.path, s.body, "X-Sim-Tokens", "5", "X-Sim-Encoding", encoding)
				if got := res.Header.Get("Content-Encoding"); got != encoding {
					t.Fatalf("Content-Encoding %q, want %q", got, encoding)
				}

				var r *bufio.Reader
				for n := 1; ; n++ {
					select {
					case gate <- struct{}{}:
					case <-time.After(patience):
						t.Fatalf("event %d was not asked for at the gate", n)
					}
					if r == nil { // a decoder reads its own head, which comes with the first event
						r = bufio.NewReader(decoded(t, res))
					}
					event, err := s.next(r)
					if err != nil {
						t.Fatalf("event %d: %v", n, err)
					}
					if strings.Contains(event, s.end) {
						break
					}
				}
				if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
					t.Fatalf("after the end: %q, %v", rest, err)
				}
			})
		}
	}
}

func decoded(t *testing.T, res *http.Response) io.Reader {
	t.Helper()
	var r io.Reader = res.Body
	var err error
	switch res.Header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(res.Body)
	case "deflate":
		r, err = zlib.NewReader(res.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPaceIsTheTimeBetweenTwoEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := `{"model":"llama3","messages":[{"role":"user","content":"hi"}]}`
		r := httptest.NewRequest("POST", "/api/chat?sim_tokens=9&sim_head_delay=2s", strings.NewReader(body))
		w := httptest.NewRecorder()
		begin := time.Now()
		New(Options{Manner: Manner{Pace: 40 * time.Millisecond}}).ServeHTTP(w, r)

		events := strings.Count(w.Body.String(), "\n")
		if want := 10; events != want {
			t.Fatalf("%d events, want %d", events, want)
		}
		if took, want := time.Since(begin), 2*time.Second+9*40*time.Millisecond; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

func TestClientThatLeavesIsNoticed(t *testing.T) {
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			gone := make(chan string, 1)
			server := start(t, Options{Gate: make(chan struct{}), OnCanceled: func(path string) { gone <- path }})
			res := ask(t, server.URL()+s.path, s.body)
			res.Body.Close()
			select {
			case path := <-gone:
				if want, _, _ := strings.Cut(s.path, "?"); path != want {
					t.Errorf("path %q, want %q", path, want)
				}
			case <-time.After(patience):
				t.Fatal("not noticed")
			}
			if n := server.Canceled(); n != 1 {
				t.Errorf("Canceled() = %d, want 1", n)
			}
		})
	}
}

func TestRequestIsReportedBeforeItsAnswer(t *testing.T) {
	arrived, release := make(chan string), make(chan struct{})
	server := start(t, Options{OnRequest: func(path string) {
		arrived <- path
		<-release
	}})
	answered := make(chan error)
	go func() {
		res, err := http.Post(server.URL()+"/api/chat", "application/json", strings.NewReader(streams[5].body))
		if err == nil {
			err = res.Body.Close()
		}
		answered <- err
	}()
	select {
	case path := <-arrived:
		if path != "/api/chat" {
			t.Errorf("path %q", path)
		}
	case err := <-answered:
		t.Fatalf("answered unreported: %v", err)
	}
	select {
	case err := <-answered:
		t.Fatalf("answered while the report had not returned: %v", err)
	default:
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestCompleteAnswersAreNotCanceled(t *testing.T) {
	server := start(t, Options{})
	for _, s := range streams {
		all(t, ask(t, server.URL()+s.path, s.body), s.next)
	}
	if got, want := server.Requests(), int64(len(streams)); got != want {
		t.Errorf("Requests() = %d, want %d", got, want)
	}
	if n := server.Canceled(); n != 0 {
		t.Errorf("Canceled() = %d, want 0", n)
	}
}

func TestCloseEndsWhatIsStillRunning(t *testing.T) {
	var over atomic.Bool
	server, err := Listen("127.0.0.1:0", Options{Gate: make(chan struct{}), OnCanceled: func(string) {
		time.Sleep(50 * time.Millisecond) // a request that takes its time to end
		over.Store(true)
	}})
	if err != nil {
		t.Fatal(err)
	}
	res := ask(t, server.URL()+streams[0].path, streams[0].body)
	ended := make(chan error)
	go func() { ended <- server.Close() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Close did not return")
	}
	if !over.Load() {
		t.Error("Close did not wait for the request")
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the stream ended cleanly")
	}
}

func TestAddressInUseIsAnError(t *testing.T) {
	server := start(t, Options{})
	if second, err := Listen(server.Addr(), Options{}); err == nil {
		second.Close()
		t.Fatal("two servers on one address")
	}
}
