package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const twoStreams = `{"streams":[
{"id":"r-1","age_ms":125000,"route":"openai","token":"0a1b2c3d","model":"gpt-5","upstream":"official","key":"main","state":"streaming","ttfb_ms":340,"bytes_in":120,"bytes_out":123456,"events":77,"tokens":61,"idle_ms":12},
{"id":"r-2\u001b[2J","age_ms":900,"route":"openai","token":"","model":"","upstream":"","key":"","state":"waiting","ttfb_ms":null,"bytes_in":0,"bytes_out":0,"events":0,"tokens":null,"idle_ms":900}
]}`

// adminAPI answers as a gateway's does, to the right token.
func adminAPI(t *testing.T, answer string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/admin/api/streams" || r.Header.Get("Authorization") != "Bearer operator" {
			w.WriteHeader(401)
			return
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestTopPrintsTheTableOnceWhereThereIsNoTerminal(t *testing.T) {
	s := adminAPI(t, twoStreams)
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	text := fmt.Sprintf("listen: %q\ngateway_auth: {tokens: [gw_x]}\nroutes: [{id: r, prefix: /r, upstream: {base_url: 'http://127.0.0.1:1'}}]\nadmin: {enabled: true, token: operator}\n",
		s.Listener.Addr())
	os.WriteFile(file, []byte(text), 0o600)
	a, err := findAdmin(file, "", "")
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := a.top(out); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(out.Name())
	want := `AGE    STATE      ROUTE   MODEL  UPSTREAM       TOKEN     TTFB   IN   OUT   EVENTS  TOKENS  IDLE   ID
2m05s  streaming  openai  gpt-5  official main  0a1b2c3d  0.34s  120  123k  77      61      0.01s  r-1
0.90s  waiting    openai  -      -              -         -      0    0     0       -       0.90s  r-2?[2J
`
	if string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}

func TestTopSaysWhatIsWrong(t *testing.T) {
	s := adminAPI(t, "no JSON")
	for _, c := range []struct{ token, want string }{{"wrong", "answers 401 Unauthorized"}, {"operator", "no list of streams"}} {
		a, err := findAdmin("", s.URL+"/admin/", c.token)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.streams(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("with the token %q: %v, want %q", c.token, err, c.want)
		}
	}
	if _, err := findAdmin("", "gateway:8080", ""); err == nil {
		t.Error("a URL without a scheme is taken")
	}
	if _, err := findAdmin("", "http://me:hidden@gateway:8080/admin", ""); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("a URL with a password in it: %v", err)
	}
}

// screen is a terminal that tells when it has been drawn on.
type screen struct {
	mu    sync.Mutex
	text  strings.Builder
	drawn chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(string(p), toTop) {
		s.drawn <- struct{}{}
	}
	return s.text.Write(p)
}

// shown is what a terminal of that size is told until it was drawn so many times.
func shown(t *testing.T, streams string, times, width, height int) string {
	t.Helper()
	a, err := findAdmin("", adminAPI(t, streams).URL+"/admin", "operator")
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := &screen{drawn: make(chan struct{}, 10)}
	done := make(chan error)
	go func() { done <- a.watch(ctx, out, func() (int, int) { return width, height }) }()
	for range times {
		select {
		case <-out.drawn:
		case <-time.After(10 * time.Second):
			t.Fatal("nothing is drawn")
		}
	}
	interrupt()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return out.text.String()
}

func TestTopLeavesTheTerminalAsItWas(t *testing.T) {
	text := shown(t, twoStreams, 2, 60, 4) // it is drawn again, each second
	if !strings.HasPrefix(text, enterScreen) || !strings.HasSuffix(text, leaveScreen) {
		t.Errorf("the terminal was told %q", text)
	}
	page, _, _ := strings.Cut(strings.TrimPrefix(text, enterScreen+toTop), clearRest)
	lines := strings.Split(strings.ReplaceAll(page, clearLine, ""), "\r\n")
	if len(lines) != 4 || !strings.Contains(lines[0], "2 in flight, 1 streaming") || lines[3] != "… and 2 more" {
		t.Errorf("on a screen of 4 lines there is %q", lines)
	}
	for _, l := range lines {
		if len([]rune(l)) > 60 {
			t.Errorf("%q is wider than the screen", l)
		}
	}
}

// A line that wraps pushes the others down, at each drawing.
func TestTopWrapsNoLineThatIsWiderThanItsLetters(t *testing.T) {
	const model = "通义千问通义千问通义千问通义千问通义千问" // 20 letters, 40 columns
	before, drawn, _ := strings.Cut(shown(t, strings.Replace(twoStreams, "gpt-5", model, 1), 1, 80, 10), toTop)
	if !strings.Contains(drawn, model) || !strings.Contains(before, "\x1b[?7l") || !strings.Contains(drawn, "\x1b[?7h") {
		t.Errorf("the terminal was told %q, want it to wrap nothing meanwhile", before+drawn)
	}
}

// A gateway that restarts is away for a moment: top says so, and goes on when
// it is back, also under a connection that was kept.
func TestTopGoesOnWhenTheGatewayRestarts(t *testing.T) {
	s := adminAPI(t, twoStreams)
	address := s.Listener.Addr().String()
	a, err := findAdmin("", s.URL+"/admin", "operator")
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := &screen{drawn: make(chan struct{}, 100)}
	done := make(chan error)
	go func() { done <- a.watch(ctx, out, func() (int, int) { return 200, 10 }) }()
	shows := func(want string) {
		t.Helper()
		for end := time.After(10 * time.Second); ; {
			select {
			case <-out.drawn:
			case err := <-done:
				t.Fatalf("it has ended: %v", err)
			case <-end:
				t.Fatalf("%q is not shown", want)
			}
			if strings.Contains(out.lastPage(), want) {
				return
			}
		}
	}
	shows("2 in flight")
	s.CloseClientConnections()
	s.Close()
	shows("connection refused")
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err) // somebody else was quicker
	}
	again := httptest.NewUnstartedServer(s.Config.Handler)
	again.Listener.Close()
	again.Listener = ln
	again.Start()
	defer again.Close()
	shows("2 in flight")
	interrupt()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// lastPage is what was drawn last.
func (s *screen) lastPage() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.text.String()
	return text[strings.LastIndex(text, toTop):]
}
