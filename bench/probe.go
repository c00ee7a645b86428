package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"time"
)

// probeAll makes sure, before anything is measured, that every peer does the
// whole job. A peer that does less would be measured at something easier.
func (b *bench) probeAll() error {
	var failures []error
	kept := b.peers[:0:0]
	for _, p := range b.peers {
		if err := b.probe(p); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", p.name, err))
			b.note("%s left out, since it does not do the job: %v", p.name, err)
			continue
		}
		kept = append(kept, p)
	}
	b.peers = kept
	return errors.Join(failures...)
}

func (b *bench) probe(p *peer) error {
	defer b.upstream.closeAll()
	t, s, err := b.start(p, false)
	if err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	defer t.proc.stop()
	if err := b.alone(t); err != nil {
		return err
	}
	for _, check := range []func(*target, *peer) error{b.keepsConnections, b.checksTokens, b.passesEventsOn, b.passesUploadsOn} {
		if err := check(t, p); err != nil {
			return fmt.Errorf("%w (%s)", err, t.proc.lastWords())
		}
	}
	return nil
}

// alone: all of the proxy runs on its core, and nowhere else.
func (b *bench) alone(t *target) error {
	if b.options.proxyCore < 0 {
		return nil
	}
	for _, pid := range t.pids() {
		cores, err := affinity(pid)
		if err != nil {
			return err
		}
		if cores != onlyCore(b.options.proxyCore) {
			return fmt.Errorf("process %d is not pinned to core %d", pid, b.options.proxyCore)
		}
	}
	return nil
}

// keepsConnections: two requests on one connection take one connection to the
// upstream, over HTTP/1.1; the upstream refuses any other version. The answer
// must be allowed to the web page where the client says it is from one.
func (b *bench) keepsConnections(t *target, p *peer) error {
	client := probeClient()
	defer client.CloseIdleConnections()
	for range 2 {
		answer, err := b.ask(client, t, t.request("POST", string(pathChat), chatRequest, 0), t.auth)
		if err != nil {
			return err
		}
		if answer.status != http.StatusOK || !bytes.Equal(answer.body, chatAnswer) {
			return fmt.Errorf("answered %d: %.200q", answer.status, answer.body)
		}
		if origin := answer.header.Get("Access-Control-Allow-Origin"); strings.Contains(t.extra, clientOrigin) && origin != clientOrigin {
			return fmt.Errorf("an answer is allowed to %q instead of the page", origin)
		}
	}
	if n := b.upstream.accepted; n != 1 {
		return fmt.Errorf("two requests, one after the other, took %d connections to the upstream", n)
	}
	return nil
}

// checksTokens: a wrong one is refused and gets no request through.
func (b *bench) checksTokens(t *target, p *peer) error {
	if p.trusting {
		return nil
	}
	client := probeClient()
	defer client.CloseIdleConnections()
	before := b.upstream.requests
	answer, err := b.ask(client, t, t.request("POST", string(pathChat), chatRequest, 0), "Bearer gw_wrong")
	if err != nil {
		return err
	}
	if answer.status != http.StatusUnauthorized || b.upstream.requests != before {
		return fmt.Errorf("a wrong token was answered %d, and %d requests passed", answer.status, b.upstream.requests-before)
	}
	return nil
}

// passesEventsOn: an event arrives although nothing follows it.
func (b *bench) passesEventsOn(t *target, p *peer) error {
	if p.trusting {
		return nil // its only paths are those of the providers
	}
	ln, err := dialLane(b.loop, t, sourceAddr(0))
	if err != nil {
		return err
	}
	defer ln.close()
	h := &holdRun{loop: b.loop}
	ln.send(t.request("GET", "/v1/hold", nil, 0), &holdCall{run: h})
	if err := b.loop.runUntil(func() bool { return h.opened == 1 }, soon); err != nil {
		return fmt.Errorf("wait for an event that nothing follows: %w", err)
	}
	return nil
}

// passesUploadsOn: the first half of a body reaches the upstream while the
// client still holds the second.
func (b *bench) passesUploadsOn(t *target, p *peer) error {
	if p.trusting {
		return nil
	}
	const half = 64 << 10
	ln, err := dialLane(b.loop, t, sourceAddr(0))
	if err != nil {
		return err
	}
	defer ln.close()
	r := *t.request("POST", "/v1/upload", nil, 2*half)
	r.head, r.upload = append(r.head, patternFrom(0, half)...), 0
	before := b.upstream.received
	ln.send(&r, &bulkCall{loop: b.loop, want: "no answer"})
	if err := b.loop.runUntil(func() bool { return b.upstream.received-before == half }, soon); err != nil {
		return fmt.Errorf("%d of the first %d bytes of an upload got through: %w", b.upstream.received-before, half, err)
	}
	return nil
}

// soon is more than enough for what nothing holds back.
const soon = 2 * time.Second

type probeAnswer struct {
	status int
	header http.Header
	body   []byte
}

func probeClient() *http.Client {
	return &http.Client{Timeout: within, Transport: &http.Transport{DisableCompression: true}}
}

// ask sends r while the loop, in which the upstream lives, goes on.
func (b *bench) ask(client *http.Client, t *target, r *request, auth string) (answer probeAnswer, err error) {
	req, err := http.NewRequest(r.method, "http://"+t.addr.String()+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer, err
	}
	extra, err := textproto.NewReader(bufio.NewReader(bytes.NewBufferString(t.extra + "\r\n"))).ReadMIMEHeader()
	if err != nil {
		return answer, fmt.Errorf("read the peer's extra headers: %w", err)
	}
	req.Header = http.Header(extra)
	req.Header.Set("Authorization", auth)
	req.Header.Set("Content-Type", "application/json")
	done := make(chan struct{})
	go func() {
		defer close(done)
		var got *http.Response
		if got, err = client.Do(req); err == nil {
			defer got.Body.Close()
			answer.status, answer.header = got.StatusCode, got.Header
			answer.body, err = io.ReadAll(got.Body)
		}
	}()
	finished := func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
	running := b.loop.runUntil(finished, 2*within) // which the client's own limit comes before
	<-done
	return answer, errors.Join(running, err)
}
