package upstream

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"ai-gw-lite/internal/wire"
)

// AbsoluteForm reports whether requests to e name the whole URL in their
// request line (RFC 9112 §3.2.2): an http upstream over an http or https proxy.
func (e *Endpoint) AbsoluteForm() bool {
	return !e.TLS && e.Proxy != nil && e.Proxy.Protocol != ProxySOCKS
}

// ProxyAuthorization is the value of the Proxy-Authorization header that each
// request in absolute form carries; "" where there is none to send. A secret.
func (e *Endpoint) ProxyAuthorization() string {
	if !e.AbsoluteForm() || !e.Proxy.hasLogin() {
		return ""
	}
	return e.Proxy.basic()
}

// basic is the login as credentials of the Basic scheme (RFC 7617 §2).
func (p *Proxy) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(p.Username+":"+p.Password))
}

// maxConnectHead bounds the head of a proxy's answer to CONNECT, in bytes.
const maxConnectHead = 64 << 10

// httpConnect has the HTTP proxy at the end of conn open a tunnel to target, a
// host:port (RFC 9110 §9.3.6). The request says only what it must: it travels in
// clear to an http proxy.
func httpConnect(conn net.Conn, p *Proxy, target string) (Stage, error) {
	head := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if p.hasLogin() {
		head += "Proxy-Authorization: " + p.basic() + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return StageProxyConnect, err
	}

	answer := &connectAnswer{limit: io.LimitedReader{R: conn, N: maxConnectHead}}
	answer.lines = bufio.NewReaderSize(&answer.limit, 1024)
	status, err := answer.status()
	switch {
	case err != nil:
		return StageProxyConnect, err
	case status == 407 && p.hasLogin():
		return StageProxyLogin, errors.New("the proxy rejected the login (status 407)")
	case status == 407:
		return StageProxyLogin, errors.New("the proxy wants a login (status 407)")
	case status/100 != 2:
		return StageProxyConnect, fmt.Errorf("the proxy answered CONNECT with status %d", status)
	}
	return StageProxyConnect, answer.skipFields()
}

var errNotHTTP = errors.New("the proxy's answer to CONNECT is not HTTP/1.1")

// connectAnswer reads the head of an answer to CONNECT. It takes what RFC 9112
// allows and nothing looser, and HTTP/1.0 since proxies still answer in it.
type connectAnswer struct {
	limit io.LimitedReader
	lines *bufio.Reader
}

// status reads the status line. A refusal is known from it alone, so the rest of
// one, which is the proxy's to choose, is never read.
func (a *connectAnswer) status() (int, error) {
	line, err := a.line()
	if err != nil {
		return 0, err
	}
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	if version != "HTTP/1.1" && version != "HTTP/1.0" || len(code) != 3 {
		return 0, errNotHTTP
	}
	status := 0
	for _, c := range []byte(code) {
		if c < '0' || c > '9' {
			return 0, errNotHTTP
		}
		status = status*10 + int(c-'0')
	}
	return status, nil
}

// skipFields reads to the end of the head of a 2xx answer. Its fields, framing
// included, mean nothing: the tunnel starts right after them. In it we speak
// first, so bytes that came along with the head are no upstream's.
func (a *connectAnswer) skipFields() error {
	for {
		line, err := a.line()
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		if name, _, ok := strings.Cut(line, ":"); !ok || !wire.IsToken([]byte(name)) {
			return errNotHTTP
		}
	}
	if a.lines.Buffered() > 0 {
		return errors.New("the proxy sent bytes into the tunnel before the upstream could")
	}
	return nil
}

// line reads one line and returns it without its CRLF.
func (a *connectAnswer) line() (string, error) {
	line, err := a.lines.ReadString('\n')
	if err == io.EOF && a.limit.N == 0 {
		return "", fmt.Errorf("the proxy's answer to CONNECT has a head of more than %d bytes", maxConnectHead)
	}
	if err != nil {
		return "", err
	}
	line, ok := strings.CutSuffix(line, "\r\n")
	if !ok || strings.ContainsFunc(line, isControl) {
		return "", errNotHTTP
	}
	return line, nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
