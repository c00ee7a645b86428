package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Everything that must stay secret in this test has the mark in it, so one
// look for the mark finds any of it.
const mark = "MaRkEd"

// marked makes a secret.
func marked(what string) string { return what + "-" + mark + "-" + what }

// failingRoutes are all the ways in which a request can fail at its upstream,
// each with the answer the client must get.
var failingRoutes = []struct {
	id       string
	upstream string // YAML; ADDRESS is a server that does what serve says
	serve    func(net.Conn)
	want     string // how the answer begins; empty: it breaks off
}{
	{id: "refused", upstream: "base_url: http://127.0.0.1:1", want: "502"},
	{id: "no-tls", upstream: "base_url: https://ADDRESS", serve: answering("HTTP/1.1 400 Bad\r\n\r\n"), want: "502"},
	{id: "reset", upstream: "base_url: http://ADDRESS", serve: answering(""), want: "502"},
	{id: "garbage", upstream: "base_url: http://ADDRESS", serve: answering(marked("garbage") + "\r\n\r\n"), want: "502"},
	{id: "bad-line", upstream: "base_url: http://ADDRESS", serve: answering("HTTP/1.1 200 OK\r\n" + marked("line") + "\r\n\r\n"), want: "502"},
	{id: "bad-length", upstream: "base_url: http://ADDRESS", serve: answering("HTTP/1.1 200 OK\r\nContent-Length: " + marked("length") + "\r\n\r\n"), want: "502"},
	{id: "bad-coding", upstream: "base_url: http://ADDRESS", serve: answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + marked("coding") + "\r\n\r\n"), want: "502"},
	{id: "huge-head", upstream: "base_url: http://ADDRESS", serve: answering("HTTP/1.1 200 OK\r\nX: " + strings.Repeat(marked("huge"), 100000)), want: "502"},
	{id: "unasked-101", upstream: "base_url: http://ADDRESS", serve: answering("HTTP/1.1 101 " + marked("reason") + "\r\nUpgrade: " + marked("upgrade") + "\r\n\r\n"), want: "502"},
	{id: "silent", upstream: "{base_url: http://ADDRESS, request_timeout_ms: 100}", serve: func(c net.Conn) { io.Copy(io.Discard, c) }, want: "504"},
	{id: "bad-chunk", upstream: "base_url: http://ADDRESS", serve: answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" + marked("chunk") + "\r\n")},
	{id: "short", upstream: "base_url: http://ADDRESS", serve: answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok")},
	{id: "http-proxy-login", upstream: "base_url: https://api.example", serve: answering("HTTP/1.1 407 " + marked("proxy-says") + "\r\nProxy-Authenticate: Basic realm=" + marked("realm") + "\r\n\r\n"), want: "502"},
	{id: "http-proxy-clear", upstream: "base_url: http://api.example", serve: answering("HTTP/1.1 407 " + marked("proxy-says") + "\r\nContent-Length: 0\r\n\r\n"), want: "502"},
	{id: "http-proxy-garbage", upstream: "base_url: https://api.example", serve: answering(marked("proxy-says") + "\r\n\r\n"), want: "502"},
	{id: "socks-proxy-login", upstream: "base_url: https://api.example", serve: answering("\x05\x02\x01\x01"), want: "502"},
	{id: "socks-proxy-garbage", upstream: "base_url: https://api.example", serve: answering(marked("proxy-says")), want: "502"},
}

// answering reads a little, answers and hangs up.
func answering(text string) func(net.Conn) {
	return func(c net.Conn) {
		c.Read(make([]byte, 64<<10))
		io.WriteString(c, text)
	}
}

func TestSecretsAreNeitherLoggedNorAnsweredHoweverARequestFails(t *testing.T) {
	config := new(strings.Builder)
	config.WriteString(`
gateway_auth:
  tokens: ["${GW_TOKEN}"]
  token_sources: [{type: authorization_bearer}, {type: header, name: x-api-key}]
concurrency: {downstream_max_inflight: 100, upstream_per_key_max_inflight: 8}
routes:
`)
	for _, r := range failingRoutes {
		upstream := strings.Trim(r.upstream, "{}")
		address := "127.0.0.1:1"
		if r.serve != nil {
			address = serveTCP(t, r.serve)
		}
		if protocol, _, is := strings.Cut(r.id, "-proxy-"); is {
			upstream += fmt.Sprintf(`, proxy: {protocol: %s, address: "%s", username: "${PROXY_USER}", password: "${PROXY_PASSWORD}"}`, protocol, address)
		}
		upstream = strings.ReplaceAll(upstream, "ADDRESS", address)
		fmt.Fprintf(config, "  - {id: %[1]s, prefix: /%[1]s, upstream: {%[2]s, inject_headers: [{name: authorization, value: \"Bearer ${PROVIDER_KEY}\"}, {name: x-second, value: \"${SECOND_KEY}\"}]}}\n", r.id, upstream)
	}
	token, user, password := marked("gw_token"), marked("user"), marked("password")
	output := new(bytes.Buffer)
	p := serveProgram(t, config.String(), output, output, "GW_TOKEN="+token, "PROVIDER_KEY="+marked("sk"),
		"SECOND_KEY="+marked("second"), "PROXY_USER="+user, "PROXY_PASSWORD="+password)

	hidden := []string{mark, strings.ToLower(mark), strings.ToUpper(mark),
		base64.StdEncoding.EncodeToString([]byte(user + ":" + password)), base64.StdEncoding.EncodeToString([]byte(token))}
	quiet := func(where, text string) {
		t.Helper()
		for _, h := range hidden {
			if i := strings.Index(text, h); i >= 0 {
				t.Errorf("%s tells a secret: %q", where, text[max(0, i-60):min(len(text), i+60)])
			}
		}
	}
	answered := func(name, answer, want string) {
		t.Helper()
		if !strings.HasPrefix(answer, "HTTP/1.1 "+want) {
			t.Errorf("%s: got %q, want %s", name, answer, want)
		}
		quiet("the answer to "+name, answer)
	}
	head := func(target string, lines ...string) string {
		return "POST " + target + " HTTP/1.1\r\nHost: " + strings.ToLower(marked("host")) + "\r\nConnection: close\r\nCookie: session=" + marked("cookie") +
			"\r\nX-Goog-Api-Key: " + marked("own-key") + "\r\n" + strings.Join(append(lines, "", ""), "\r\n")
	}
	body := marked("body")
	length := fmt.Sprintf("Content-Length: %d", len(body))
	target := "/" + marked("path") + "?key=" + marked("query")

	for _, r := range failingRoutes {
		want := r.want
		if want == "" {
			want = "200"
		}
		for _, login := range []string{"Authorization: Bearer " + token, "x-api-key: " + token} {
			answered(r.id, p.say(head("/"+r.id+target, login, length)+body), want)
		}
		answered(r.id+", WebSocket", p.say("GET /"+r.id+target+" HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer "+token+
			"\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: "+marked("cookie")+"\r\n\r\n"), want)
	}
	login := "Authorization: Bearer " + token
	for _, r := range []struct{ name, request, want string }{
		{"no route", head("/elsewhere"+target, login, length) + body, "404"},
		{"a wrong token", head("/reset"+target, "Authorization: Bearer "+marked("wrong"), length) + body, "401"},
		{"two tokens", head("/reset"+target, login, "Authorization: Bearer "+marked("wrong"), length) + body, "401"},
		{"another scheme", head("/reset"+target, "Authorization: Basic "+marked("basic"), length) + body, "401"},
		{"a dot segment", head("/reset/../"+marked("path"), login, length) + body, "400"},
		{"a bad escape", head("/reset/%zz"+marked("path"), login, length) + body, "400"},
		{"a bad header line", head("/reset", login, marked("line")), "400"},
		{"a bad length", head("/reset", login, "Content-Length: "+marked("length")), "400"},
		{"a bad chunk", head("/silent", login, "Transfer-Encoding: chunked") + marked("chunk") + "\r\n", "400"},
		{"a bad version", "GET /reset HTTP/" + marked("version") + "\r\n\r\n", "400"},
		{"a head too large", head("/reset", login, "X: "+strings.Repeat(marked("large"), 10000)), "431"},
		{"CONNECT", "CONNECT " + marked("host") + ":443 HTTP/1.1\r\nHost: x\r\n" + login + "\r\n\r\n", "501"},
	} {
		answered(r.name, p.say(r.request), r.want)
	}

	p.terminate()
	quiet("the log", output.String())
	if got, want := strings.Count(output.String(), `msg="request failed"`), 3*15; got != want {
		t.Errorf("%d failures were logged, want %d: a line that is not there tells nothing\n%s", got, want, output)
	}
}

// serveTCP has each connection served, and closed then.
func serveTCP(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				serve(c)
			}()
		}
	}()
	return ln.Addr().String()
}
