package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func testBench(t *testing.T) *bench {
	t.Helper()
	b, err := newBench(options{
		rounds: 1, seconds: 100 * time.Millisecond, warmup: 20 * time.Millisecond,
		streams: "50", loadCore: -1, proxyCore: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

// Every workload that can do without a proxy passes its own checks.
func TestWorkloadsAgreeWithTheUpstream(t *testing.T) {
	b := testBench(t)
	for _, w := range b.workloads {
		if !w.direct {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			f, err := b.measure(w, &peer{name: direct})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range w.columns {
				ofProxy := c.Key == "cpu" || c.Key == "peak"
				if _, ok := f[c.Key]; !ok && !ofProxy {
					t.Errorf("no figure for %s", c.Title)
				}
			}
		})
	}
}

// answering serves the same bytes to every connection's first request.
func answering(t *testing.T, answer string) *target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				http.ReadRequest(bufio.NewReader(c))
				io.WriteString(c, answer)
			}()
		}
	}()
	return &target{name: "fake", addr: netip.MustParseAddrPort(l.Addr().String()), auth: clientToken}
}

func TestWrongAnswersFailTheMeasurement(t *testing.T) {
	b := testBench(t)
	workload := func(name string) workload {
		for _, w := range b.workloads {
			if w.name == name {
				return w
			}
		}
		t.Fatalf("no workload %s", name)
		panic("unreachable")
	}
	jsonAnswer := func(body string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	altered := bytes.Clone(chatAnswer)
	altered[600]++
	var skipping bytes.Buffer
	for _, seq := range []int{0, 2} {
		e := bytes.Clone(event)
		stampEvent(e, seq, now())
		skipping.Write(e)
	}
	for name, c := range map[string]struct{ workload, answer, want string }{
		"status":         {"json-64", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "status 500"},
		"altered":        {"json-64", jsonAnswer(string(altered)), "altered"},
		"short":          {"json-64", jsonAnswer(string(chatAnswer[:100])), "too short"},
		"long":           {"json-64", jsonAnswer(string(chatAnswer) + "x"), "altered"},
		"cut off":        {"json-64", jsonAnswer(string(chatAnswer))[:800], "cut off"},
		"event lost":     {"sse-fast", jsonAnswer(skipping.String()), "got event 2 instead of 1"},
		"too few events": {"sse-fast", jsonAnswer(string(firstEvents(1))), "after 1 events"},
		"no end":         {"sse-fast", jsonAnswer(string(firstEvents(fastEvents))), "ended with"},
		"download":       {"bulk-download", jsonAnswer("short"), "altered"},
		"upload":         {"bulk-upload", jsonAnswer(`{"received":5}`), "length is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := workload(c.workload).run(b, answering(t, c.answer))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want something with %q", err, c.want)
			}
		})
	}
}

// firstEvents are the first n of a stream.
func firstEvents(n int) []byte {
	var all bytes.Buffer
	for seq := range n {
		e := bytes.Clone(event)
		stampEvent(e, seq, now())
		all.Write(e)
	}
	return all.Bytes()
}

// A request that reaches the upstream twice has been answered all the same.
func TestRequestsAreCountedAtBothEnds(t *testing.T) {
	b := testBench(t)
	twice := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		for i := range 2 {
			again, _ := http.NewRequest(r.Method, "http://"+b.upstream.addr.String()+r.URL.Path, bytes.NewReader(sent))
			again.Header.Set("Authorization", providerKey)
			answer, err := http.DefaultTransport.RoundTrip(again)
			if err != nil {
				return
			}
			if i == 1 {
				io.Copy(w, answer.Body)
			} else {
				io.Copy(io.Discard, answer.Body)
			}
			answer.Body.Close()
		}
	}))
	defer twice.Close()
	through := &target{name: "twice", addr: netip.MustParseAddrPort(twice.Listener.Addr().String()), auth: clientToken}
	_, err := jsonWorkload("json", "", 2, plain).run(b, through)
	if err == nil || !strings.Contains(err.Error(), "at the upstream") {
		t.Fatalf("got %v, want a complaint about the count", err)
	}
}

// The upstream would not notice a proxy that passes the client's token on.
func TestUpstreamInsistsOnTheProviderKey(t *testing.T) {
	b := testBench(t)
	through := &target{name: direct, addr: b.upstream.addr, auth: clientToken}
	_, err := b.workloads[0].run(b, through)
	if err == nil || !strings.Contains(err.Error(), "status 401") {
		t.Fatalf("got %v, want status 401", err)
	}
}

func TestChunksAreReadWhateverTheSplit(t *testing.T) {
	const message = "5\r\nhello\r\n000A;ext=1\r\n, streams!\r\n0\r\nTrailer: x\r\n\r\nnext"
	for i := range len(message) + 1 {
		for j := i; j <= len(message); j++ {
			b := body{state: chunkSize}
			var got, rest []byte
			for _, p := range []string{message[:i], message[i:j], message[j:]} {
				left := []byte(p)
				for len(left) > 0 && !b.done() {
					data, after, err := b.next(left)
					if err != nil {
						t.Fatalf("split at %d and %d: %v", i, j, err)
					}
					got = append(got, data...)
					left = after
				}
				rest = append(rest, left...)
			}
			if string(got) != "hello, streams!" || string(rest) != "next" || !b.done() {
				t.Fatalf("split at %d and %d: got %q, then %q", i, j, got, rest)
			}
		}
	}
}

// Go's own server is the judge of the small HTTP/2 client.
func TestHTTP2LanesAgainstGosServer(t *testing.T) {
	b := testBench(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		if r.ProtoMajor != 2 || !bytes.Equal(got, chatRequest) || r.Header.Get("Authorization") != clientToken ||
			r.Header.Get("X-Stainless-Lang") != "python" || r.URL.Path != "/openai/v1/chat/completions" {
			http.Error(w, "not what was sent", http.StatusBadRequest)
			return
		}
		w.Write(chatAnswer)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	b.cert.roots.AddCert(server.Certificate())

	tgt := &target{name: "go", addr: netip.MustParseAddrPort(server.Listener.Addr().String()), prefix: "/openai", auth: clientToken}
	tgt.tls = b.cert.clientConfig("h2")
	tgt.tls.ServerName = "example.com" // httptest's certificate
	all, err := h2Lanes(b.loop, tgt, 8, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer closeLanes(all)
	r := &jsonRun{loop: b.loop, request: tgt.request("POST", "/v1/chat/completions", chatRequest, 0)}
	for _, ln := range all {
		c := &jsonCall{run: r, lane: ln}
		c.done = c.send
		c.send()
	}
	if err := b.loop.runUntil(func() bool { return len(r.latency) >= 500 }, 20*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestSpreadIsMedianLeastAndGreatest(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{3, 1, 2}, spread{median: 2, min: 1, max: 3, n: 3}},
		{[]float64{4, 1, 2, 3}, spread{median: 2.5, min: 1, max: 4, n: 4}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: got %+v, want %+v", c.values, got, c.want)
		}
	}
}

// A slow round of the machine must not count against a proxy.
func TestAddedIsTakenRoundByRound(t *testing.T) {
	c := column{Key: "p50", Added: true}
	r := &result{Columns: []column{c}, Rounds: map[string][]figures{
		direct:  {{"p50": 10}, {"p50": 20}, {"p50": 50}},
		"proxy": {{"p50": 15}, {"p50": 26}, {"p50": 57}},
	}}
	if got := fmt.Sprint(r.values("proxy", c), r.values(direct, c)); got != "[5 6 7] [10 20 50]" {
		t.Fatalf("got %s", got)
	}
}

// The rounds before a failure are no figure.
func TestAFailedPeerHasNoFigures(t *testing.T) {
	c := column{Key: "cpu"}
	r := &result{
		Columns: []column{c},
		Rounds:  map[string][]figures{"gateway": {{"cpu": 9}}, "nginx": {{"cpu": 10}}},
		Failed:  map[string]string{"gateway": "altered"},
	}
	if got := r.values("gateway", c); got != nil {
		t.Errorf("got %v", got)
	}
	if got := r.against("gateway", "nginx", "cpu", quotient); got != nil {
		t.Errorf("got the ratio %v", got)
	}
}
