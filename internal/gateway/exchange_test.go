package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"ai-gw-lite/internal/wire"
)

const ask = "GET /api/v1 HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + testToken + "\r\n"

// A client may leave as soon as its answer is complete, even with an upload
// under way; that the gateway sees it leave first changes nothing.
func TestAnswerSentWholeIsComplete(t *testing.T) {
	r := new(recorder)
	g := newGateway(testConfig(serveOn(t, func(c net.Conn) {
		readTo(c, "\r\n\r\n")
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
		readTo(c, "first")
		io.WriteString(c, "0\r\n\r\n")
		io.Copy(io.Discard, c)
	})), r)
	f := newFake(t, strings.Replace(ask, "GET", "POST", 1)+"Content-Length: 100\r\n")
	f.body = make(chan string) // so that what is sent has been taken
	f.onWrite = func(p *wire.Piece) {
		switch {
		case p.Last:
			f.body <- "" // gone
			awaitAbort(t, f)
			f.mu.Lock()
			f.aborted = false // what was sent has arrived
			f.mu.Unlock()
		case p.Size() > 0:
			f.body <- "first"
		}
	}
	g.Serve(f)
	if o := r.only(t); o.End != Complete || o.Status != 200 {
		t.Errorf("it is accounted as %d %s (%v)", o.Status, o.End, o.Cause)
	}
	noSlotIsHeld(t, g)
}

func awaitAbort(t *testing.T, f *fake) {
	t.Helper()
	for range 5000 {
		f.mu.Lock()
		aborted := f.aborted
		f.mu.Unlock()
		if aborted {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the exchange was not broken off")
}

func TestPanicGivesEverythingBack(t *testing.T) {
	defect := func() { panic("a defect") }
	for _, row := range []struct {
		name    string
		prepare func(*fake)
	}{
		{"before the request is sent", func(f *fake) { f.onBody = defect }},
		{"as the answer begins", func(f *fake) { f.onWrite = func(*wire.Piece) { defect() } }},
		{"in the middle of the answer", func(f *fake) {
			f.onWrite = func(p *wire.Piece) {
				if p.Last {
					defect()
				}
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := new(recorder)
			g := newGateway(testConfig(serveOn(t, func(c net.Conn) {
				readTo(c, "\r\n\r\n")
				io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
				io.WriteString(c, "0\r\n\r\n")
				io.Copy(io.Discard, c)
			})), r)
			f := newFake(t, ask)
			row.prepare(f)
			g.Serve(f)
			noSlotIsHeld(t, g)
			if !f.aborted {
				t.Error("the client was not told")
			}
			o := r.only(t)
			if p, ok := errors.AsType[*Panic](o.Cause); !ok || p.Value != "a defect" {
				t.Errorf("the log learns of %v", o.Cause)
			}
		})
	}
}

func TestObserverLearnsOfRefusals(t *testing.T) {
	for _, row := range []struct {
		head, route, code string
		status            int
	}{
		{"DELETE /nowhere HTTP/1.1\r\nHost: g\r\n", "", "route_not_found", 404},
		{"DELETE /api HTTP/1.1\r\nHost: g\r\n", "api", "unauthorized", 401},
		{"DELETE /api/.. HTTP/1.1\r\nHost: g\r\n", "", "invalid_path", 400},
	} {
		r := new(recorder)
		g := newGateway(testConfig("http://127.0.0.1:9"), r)
		g.Serve(newFake(t, row.head))
		o := r.only(t)
		if o.Status != row.status || o.Code != row.code || o.End != Refused || o.Route != row.route || o.Method != "DELETE" || o.Client != "192.0.2.1" {
			t.Errorf("%s: told of %+v", row.code, o)
		}
	}
}

func TestTokenIsNamedAndNeverTold(t *testing.T) {
	r := new(recorder)
	c := testConfig("http://127.0.0.1:9")
	c.Routes[0].Upstreams[0].BaseURL.Address = "127.0.0.1:1" // nobody listens there
	g := newGateway(c, r)
	g.Serve(newFake(t, ask))
	sum := sha256.Sum256([]byte(testToken))
	if o := r.only(t); o.Token != hex.EncodeToString(sum[:])[:8] {
		t.Errorf("the token is told as %q", o.Token)
	}
}

func TestExchangeEndsOnTheSnapshotItBeganWith(t *testing.T) {
	goOn, here := make(chan struct{}), make(chan struct{})
	base := serveOn(t, func(c net.Conn) {
		readTo(c, "\r\n\r\n")
		close(here)
		<-goOn
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	})
	g := newGateway(testConfig(base), nil)
	f := newFake(t, ask)
	served := make(chan struct{})
	go func() { defer close(served); g.Serve(f) }()
	<-here
	next := testConfig("http://127.0.0.1:1")
	next.Concurrency.DownstreamMaxInflight = 1
	next.CORS.Enabled = true
	s, err := Compile(next)
	if err != nil {
		t.Fatal(err)
	}
	g.Use(s)
	late := newFake(t, ask)
	g.Serve(late) // the slot in use is in use under the new one as well
	if late.response.Status != 503 {
		t.Errorf("the new snapshot forgot a slot in use: %d", late.response.Status)
	}
	close(goOn)
	<-served
	if f.got.String() != "hi" || f.response.Status != 200 || len(f.header) != 1 {
		t.Errorf("got %d %q %q", f.response.Status, f.got.String(), f.header)
	}
	noSlotIsHeld(t, g)
}

// watchful is a client whose leave shows beside its upload, and looking for it
// is a defect.
type watchful struct{ *fake }

func (watchful) GoneShows() bool { return true }
func (watchful) AwaitGone() bool { panic("a defect") }

func TestPanicBesideAnExchangeEndsItAlone(t *testing.T) {
	r := new(recorder)
	g := newGateway(testConfig(serveOn(t, func(c net.Conn) { io.Copy(io.Discard, c) })), r)
	g.Serve(watchful{newFake(t, strings.Replace(ask, "GET", "POST", 1)+"Content-Length: 100\r\n")})
	if o := r.only(t); o.End != UpstreamBroken || o.Cause == nil || !strings.HasPrefix(o.Cause.Error(), "panic") {
		t.Errorf("it is accounted as %s (%v)", o.End, o.Cause)
	}
	noSlotIsHeld(t, g)
}
