package server

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/upstream"
)

// BenchmarkExchangeJSON is one request after the other on a keep-alive
// connection, answered with 1.2 KB of JSON. Client and upstream allocate
// nothing, so that what is counted is the gateway's.
func BenchmarkExchangeJSON(b *testing.B) {
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1200\r\n\r\n%s", strings.Repeat("x", 1200)))
	up, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer up.Close()
	go func() {
		for {
			c, err := up.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); skipHead(r); {
					c.Write(answer)
				}
			}()
		}
	}()

	g := gateway.New(upstream.NewDialer(nil), nil)
	snapshot, err := gateway.Compile(newConfig("http://" + up.Addr().String()))
	if err != nil {
		panic(err)
	}
	g.Use(snapshot)
	s := New(g, nil, slog.New(slog.DiscardHandler))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go s.Serve(ln)

	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := []byte("GET /api/v1/models HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + token + "\r\nAccept: application/json\r\nUser-Agent: bench\r\n\r\n")
	r := bufio.NewReader(c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if !skipHead(r) {
			b.Fatal("no answer")
		}
		if _, err := r.Discard(1200); err != nil {
			b.Fatal(err)
		}
	}
}

// skipHead reads past an empty line.
func skipHead(r *bufio.Reader) bool {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil || len(line) == 2 {
			return err == nil
		}
	}
}
