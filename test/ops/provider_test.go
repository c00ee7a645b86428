//go:build unix

package ops

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// What a stream brings, and how long it takes.
const (
	events = 40
	pace   = 20 * time.Millisecond
)

// provider answers /json at once, /stream with events at a pace, /held with one
// event and a second one when it is let go, and /spent with a 401.
type provider struct {
	*httptest.Server
	letGo chan struct{}
	spent atomic.Int64 // requests for /spent
	open  atomic.Int64 // connections
}

func newProvider(t *testing.T) *provider {
	p := &provider{letGo: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"you":"%s"}`, body)
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range events {
			fmt.Fprintf(w, "data: %d\n\n", n)
			http.NewResponseController(w).Flush()
			time.Sleep(pace)
		}
		io.WriteString(w, "data: [DONE]\n\n")
	})
	mux.HandleFunc("/held", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		http.NewResponseController(w).Flush()
		select {
		case <-p.letGo:
			io.WriteString(w, "data: 2\n\n")
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/spent/", func(w http.ResponseWriter, r *http.Request) {
		p.spent.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	})
	p.Server = httptest.NewUnstartedServer(mux)
	p.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			p.open.Add(1)
		case http.StateClosed:
			p.open.Add(-1)
		}
	}
	p.Start()
	t.Cleanup(func() {
		p.CloseClientConnections()
		p.Close()
	})
	return p
}
