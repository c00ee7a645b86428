//go:build unix

package ops

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// caller keeps a connection open and asks on it until it is told that it ends.
// It repeats nothing: what fails has failed.
type caller struct {
	g     *gateway
	conn  net.Conn
	r     *bufio.Reader
	dials int
}

func (c *caller) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// open sends a request and returns once the head of its answer is here.
func (c *caller) open(method, path, body string) (*http.Response, error) {
	if c.conn == nil {
		conn, err := c.g.dial()
		if err != nil {
			return nil, err
		}
		c.conn, c.r = conn, bufio.NewReader(conn)
		c.dials++
	}
	c.conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c.conn, "%s %s HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", method, path, token, len(body), body)
	return http.ReadResponse(c.r, &http.Request{Method: method})
}

// ask reads the answer to its end.
func (c *caller) ask(method, path, body string) (status int, answer string, err error) {
	res, err := c.open(method, path, body)
	if err != nil {
		c.close()
		return 0, "", err
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || res.Close {
		c.close()
	}
	return res.StatusCode, string(b), err
}

// load is many clients that ask for as long as they are let.
type load struct {
	t                *testing.T
	stop             chan struct{}
	once             sync.Once
	clients          sync.WaitGroup
	leave            []func() // closes what they keep open
	answers, streams atomic.Int64

	mu       sync.Mutex
	failures []error
}

// load puts the gateway under load: JSON on kept connections, streams each on
// its own, and both over HTTP/2.
func (g *gateway) load(callers, streams int) *load {
	l := &load{t: g.t, stop: make(chan struct{})}
	for n := range callers {
		c := &caller{g: g}
		l.leave = append(l.leave, c.close)
		l.run(func(i int) error { return l.json(c, fmt.Sprintf("%d-%d", n, i)) })
	}
	url := "http://" + g.address + "/api/"
	one := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for n := range streams {
		l.run(func(i int) error {
			if i == 0 { // so that at any time some begin and some end
				time.Sleep(events * pace * time.Duration(n) / time.Duration(streams))
			}
			return l.stream(one, url+"stream")
		})
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	two := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	l.leave = append(l.leave, two.CloseIdleConnections)
	l.run(func(i int) error { return l.json2(two, url+"json", fmt.Sprintf("h2-%d", i)) })
	l.run(func(int) error { return l.stream(two, url+"stream") })
	g.t.Cleanup(l.halt)
	return l
}

// halt lets the clients come to an end.
func (l *load) halt() {
	l.once.Do(func() { close(l.stop) })
	l.clients.Wait()
	for _, leave := range l.leave {
		leave()
	}
}

// run repeats what a client does until the end of the load.
func (l *load) run(once func(i int) error) {
	l.clients.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-l.stop:
				return
			case <-time.After(time.Millisecond):
			}
			if err := once(i); err != nil {
				l.mu.Lock()
				l.failures = append(l.failures, fmt.Errorf("%s: %w", time.Now().UTC().Format("15:04:05.000"), err))
				l.mu.Unlock()
			}
		}
	})
}

func (l *load) json(c *caller, body string) error {
	status, answer, err := c.ask("POST", "/api/json", body)
	return l.judge(status, answer, body, err)
}

func (l *load) json2(c *http.Client, url, body string) error {
	req, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return l.judge(res.StatusCode, string(b), body, err)
}

func (l *load) judge(status int, answer, body string, err error) error {
	if err != nil || status != 200 || answer != `{"you":"`+body+`"}` {
		return fmt.Errorf("%s was answered by %d %q (%v)", body, status, answer, err)
	}
	l.answers.Add(1)
	return nil
}

// stream reads a stream to its end: every event once, and in order.
func (l *load) stream(c *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	n := 0
	for lines := bufio.NewScanner(res.Body); ; {
		if !lines.Scan() {
			return fmt.Errorf("a stream of status %d broke off after %d events: %v", res.StatusCode, n, lines.Err())
		}
		switch line := lines.Text(); {
		case line == "":
		case line == "data: [DONE]" && n == events:
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				return fmt.Errorf("after its last event a stream broke off: %w", err)
			}
			l.streams.Add(1)
			return nil
		case line != fmt.Sprintf("data: %d", n):
			return fmt.Errorf("event %d of a stream is %q", n, line)
		default:
			n++
		}
	}
}

// end halts the load and fails the test if anything was lost.
func (l *load) end() {
	l.t.Helper()
	l.halt()
	if len(l.failures) > 0 {
		l.t.Errorf("%d requests were lost, among them\n%v", len(l.failures), errors.Join(l.failures[:min(5, len(l.failures))]...))
	}
	if l.answers.Load() == 0 || l.streams.Load() == 0 {
		l.t.Errorf("%d answers and %d streams: there was no load", l.answers.Load(), l.streams.Load())
	}
	l.t.Logf("%d answers and %d streams, whole", l.answers.Load(), l.streams.Load())
}

// flows waits until clients of each kind have been served since the call.
func (l *load) flows() {
	l.t.Helper()
	answers, streams := l.answers.Load()+20, l.streams.Load()+5
	for end := time.Now().Add(patience); l.answers.Load() < answers || l.streams.Load() < streams; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatal("the load has come to a halt")
		}
	}
}
