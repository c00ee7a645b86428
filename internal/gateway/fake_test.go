package gateway

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// fake is a client in memory.
type fake struct {
	head  wire.RequestHead
	text  []byte // of the head
	body  chan string
	piece [1][]byte
	done  bool

	stop func()
	over chan struct{} // Interrupt was called

	mu       sync.Mutex
	response Response
	header   []string
	got      bytes.Buffer
	aborted  bool
	onWrite  func(*wire.Piece) // before a piece is taken
	onBody   func()            // before the body is asked for
}

// newFake is a client that sends a head, given as lines, and a body of pieces.
func newFake(t testing.TB, head string, body ...string) *fake {
	t.Helper()
	f := &fake{text: []byte(head + "\r\n"), over: make(chan struct{}), body: make(chan string, len(body))}
	f.stop = sync.OnceFunc(func() { close(f.over) })
	f.parse(t)
	for _, p := range body {
		f.body <- p
	}
	f.done = f.head.Framing == wire.NoBody
	return f
}

func (f *fake) parse(t testing.TB) {
	if err := wire.ParseRequest(f.text, &f.head); err != nil {
		t.Fatal(err)
	}
}

func (f *fake) Head() *wire.RequestHead         { return &f.head }
func (f *fake) ClientIP() string                { return "192.0.2.1" }
func (f *fake) BodyDone() bool                  { return f.done }
func (f *fake) ReleaseHead()                    {}
func (f *fake) GoneShows() bool                 { return false }
func (f *fake) HasLeft() bool                   { return false }
func (f *fake) Interrupt()                      { f.stop() }
func (f *fake) Interim(*Response) (bool, error) { return false, nil }
func (f *fake) Tunnel() *wire.Conn              { return nil }

func (f *fake) BufferedBody() (wire.Piece, error) {
	if f.onBody != nil {
		f.onBody()
	}
	return wire.Piece{}, nil
}

func (f *fake) NextBody() (wire.Piece, error) {
	select {
	case p := <-f.body:
		if p == "" {
			return wire.Piece{}, io.ErrUnexpectedEOF
		}
		f.piece[0] = []byte(p)
		return wire.Piece{Data: f.piece[:]}, nil
	case <-f.over:
		return wire.Piece{}, os.ErrDeadlineExceeded
	}
}

func (f *fake) AwaitGone() bool {
	<-f.over
	return false
}

func (f *fake) Respond(r *Response, p *wire.Piece) error {
	f.mu.Lock()
	f.response = *r
	for _, h := range r.Fields {
		f.header = append(f.header, string(h.Name)+": "+string(h.Value))
	}
	f.mu.Unlock()
	return f.Write(p)
}

func (f *fake) Write(p *wire.Piece) error {
	if f.onWrite != nil {
		f.onWrite(p)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.aborted {
		return net.ErrClosed
	}
	for _, d := range p.Data {
		f.got.Write(d)
	}
	return nil
}

func (f *fake) Cut() bool { return false }

func (f *fake) Abort() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.aborted = true
}

// recorder keeps what an observer is told.
type recorder struct{ outcomes []Outcome }

func (r *recorder) Begin(Beginning) Watch  { return r }
func (r *recorder) Attempt(string, string) {}
func (r *recorder) RequestBytes([]byte)    {}
func (r *recorder) ResponseHead(*Response) {}
func (r *recorder) ResponseBytes([]byte)   {}

func (r *recorder) End(o *Outcome) { r.outcomes = append(r.outcomes, *o) }

func (r *recorder) only(t *testing.T) Outcome {
	t.Helper()
	if len(r.outcomes) != 1 {
		t.Fatalf("the observer was told %d times, want once", len(r.outcomes))
	}
	return r.outcomes[0]
}

const testToken = "gw_alice"

func testConfig(base string) *config.Config {
	u, err := url.Parse(base)
	if err != nil {
		panic(err)
	}
	return &config.Config{
		Auth:        config.Auth{Tokens: []string{testToken}, Sources: []config.TokenSource{{Header: "authorization", Bearer: true}, {Header: "x-gw-token"}}},
		Concurrency: config.Concurrency{DownstreamMaxInflight: 1, UpstreamPerKeyMaxInflight: 1},
		RateLimit:   config.RateLimit{PerMinute: 1 << 30},
		Routes: []config.Route{{ID: "api", Prefix: "/api", Retry: config.Retry{MaxAttempts: 1}, Upstreams: []config.Upstream{{
			BaseURL:        config.BaseURL{Scheme: u.Scheme, Authority: u.Host, Address: u.Host, ServerName: u.Hostname(), Path: u.Path},
			StripPrefix:    true,
			ConnectTimeout: 10 * time.Second,
			RequestTimeout: time.Minute,
			InjectHeaders:  []config.Header{{Name: "authorization", Value: "Bearer sk"}, {Name: "x-version", Value: "2"}},
			RemoveHeaders:  []string{"x-internal"},
			Weight:         1,
			WebSocket:      true,
		}}}},
	}
}

func newGateway(c *config.Config, o Observer) *Gateway {
	g := New(upstream.NewDialer(nil), o)
	s, err := Compile(c)
	if err != nil {
		panic(err)
	}
	g.Use(s)
	return g
}

// slotsInUse is what is held on both sides.
func slotsInUse(g *Gateway) (down, up int64) {
	for _, r := range g.snapshot.Load().routes {
		if s := r.targets[0].keys[0].slots; s != nil {
			up += s.InUse()
		}
	}
	return g.downstream.InUse(), up
}

func noSlotIsHeld(t *testing.T, g *Gateway) {
	t.Helper()
	if down, up := slotsInUse(g); down != 0 || up != 0 {
		t.Errorf("%d downstream and %d upstream slots are still held", down, up)
	}
}

// serveOn accepts connections of an upstream and has each handled, one after
// the other.
func serveOn(t testing.TB, handle func(net.Conn)) (base string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(10 * time.Second))
			handle(c)
			c.Close()
		}
	})
	t.Cleanup(func() { ln.Close(); done.Wait() })
	return "http://" + ln.Addr().String()
}

// readTo reads a connection until what was read ends with mark.
func readTo(c net.Conn, mark string) string {
	var b []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(b), mark); b = append(b, one[0]) {
		if _, err := c.Read(one); err != nil {
			break
		}
	}
	return string(b)
}
