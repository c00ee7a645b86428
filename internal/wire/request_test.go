package wire

import "testing"

// parsed parses a head the way a server does, its empty line included.
func parsed(t testing.TB, head string) (*RequestHead, error) {
	t.Helper()
	b, err := nextHead(connOf([]byte(head)), MaxRequestHead)
	if err != nil {
		return nil, err
	}
	h := new(RequestHead)
	return h, ParseRequest(b, h)
}

func mustParse(t testing.TB, head string) *RequestHead {
	t.Helper()
	h, err := parsed(t, head)
	if err != nil {
		t.Fatalf("%q: %v", head, err)
	}
	return h
}

func TestRequestLineIsSplitAsSent(t *testing.T) {
	for _, c := range []struct{ line, method, target, path string }{
		{"GET / HTTP/1.1", "GET", "/", "/"},
		{"POST /v1/chat/completions HTTP/1.1", "POST", "/v1/chat/completions", "/v1/chat/completions"},
		{"GET /a?b=c HTTP/1.1", "GET", "/a?b=c", "/a"},
		{"GET /a?b?c/d HTTP/1.1", "GET", "/a?b?c/d", "/a"},
		{"GET /? HTTP/1.1", "GET", "/?", "/"},
		{"GET //a//b HTTP/1.1", "GET", "//a//b", "//a//b"},
		{"GET /%2F%zz%;+&=~'\"<>[]{}|\\^` HTTP/1.1", "GET", "/%2F%zz%;+&=~'\"<>[]{}|\\^`", "/%2F%zz%;+&=~'\"<>[]{}|\\^`"},
		{"GET /caf\xc3\xa9\xff HTTP/1.1", "GET", "/caf\xc3\xa9\xff", "/caf\xc3\xa9\xff"},
		{"get /a HTTP/1.1", "get", "/a", "/a"},
		{"M-SEARCH!#$%&'*+.^_`|~ /a HTTP/1.1", "M-SEARCH!#$%&'*+.^_`|~", "/a", "/a"},
		{"connect /a HTTP/1.1", "connect", "/a", "/a"}, // methods have a case
	} {
		h := mustParse(t, c.line+"\r\nHost: gw\r\n\r\n")
		if string(h.Method) != c.method || string(h.Target) != c.target || string(h.Path) != c.path {
			t.Errorf("%q: method %q, target %q, path %q", c.line, h.Method, h.Target, h.Path)
		}
	}
}

func TestAbsoluteFormGivesPathAndQueryAlone(t *testing.T) {
	for _, c := range []struct{ target, want, path string }{
		{"http://other.example/a/b?c=d", "/a/b?c=d", "/a/b"},
		{"https://other.example:8443/a", "/a", "/a"},
		{"HTTP://Other.Example/a", "/a", "/a"},
		{"http://other.example", "/", "/"},
		{"http://other.example?a=b", "/?a=b", "/"},
		{"http://other.example?a=/b", "/?a=/b", "/"},
		{"http://[::1]:80/a", "/a", "/a"},
		{"http://other.example//a", "//a", "//a"},
		{"http://other.example/http://x@y/", "/http://x@y/", "/http://x@y/"},
		{"http://other.example/%zz", "/%zz", "/%zz"},
	} {
		h := mustParse(t, "GET "+c.target+" HTTP/1.1\r\nHost: gw\r\n\r\n")
		if string(h.Target) != c.want || string(h.Path) != c.path {
			t.Errorf("%q: target %q, path %q", c.target, h.Target, h.Path)
		}
	}
}

func TestMalformedRequestLineIsRefused(t *testing.T) {
	for _, c := range []struct {
		line   string
		status int
	}{
		{"", 400},
		{" ", 400},
		{"GET", 400},
		{"GET /a", 400}, // HTTP/0.9
		{"GET /a ", 400},
		{"GET HTTP/1.1", 400},
		{"GET  HTTP/1.1", 400},
		{" GET /a HTTP/1.1", 400},
		{"GET  /a HTTP/1.1", 400},
		{"GET /a  HTTP/1.1", 400},
		{"GET /a HTTP/1.1 ", 400},
		{"GET /a b HTTP/1.1", 400},
		{"GET /a HTTP/1.1 HTTP/1.1", 400},
		{"GET\t/a\tHTTP/1.1", 400},
		{"GET /a\tHTTP/1.1", 400},
		{"GET /a\vHTTP/1.1", 400},
		{"GET \t/a HTTP/1.1", 400},
		{"\tGET /a HTTP/1.1", 400},
		{"G(ET /a HTTP/1.1", 400},
		{"G\x00T /a HTTP/1.1", 400},
		{"G\xc3\xa9T /a HTTP/1.1", 400},
		{"GET: /a HTTP/1.1", 400},
		{"GET /a\x00 HTTP/1.1", 400},
		{"GET /a\rb HTTP/1.1", 400},
		{"GET /a\x1f HTTP/1.1", 400},
		{"GET /a\x7f HTTP/1.1", 400},
		{"GET /a#b HTTP/1.1", 400},
		{"GET /a?b#c HTTP/1.1", 400},
		{"GET a HTTP/1.1", 400},
		{"GET ?a HTTP/1.1", 400},
		{"GET * HTTP/1.1", 400},
		{"GET gw:80 HTTP/1.1", 400},
		{"GET \\a HTTP/1.1", 400},
		{"GET ftp://gw/a HTTP/1.1", 400},
		{"GET http:/gw/a HTTP/1.1", 400},
		{"GET http:gw/a HTTP/1.1", 400},
		{"GET http:///a HTTP/1.1", 400},
		{"GET http://?a HTTP/1.1", 400},
		{"GET http:// HTTP/1.1", 400},
		{"GET http://user@gw/a HTTP/1.1", 400},
		{"GET http://user:pass@gw/a HTTP/1.1", 400},
		{"GET http://@gw/a HTTP/1.1", 400},
		{"GET http://gw\\@other/a HTTP/1.1", 400},
		{"GET http://g\xc3\xa9/a HTTP/1.1", 400},
		{"GET http://gw/a#b HTTP/1.1", 400},

		{"GET /a http/1.1", 400},
		{"GET /a Http/1.1", 400},
		{"GET /a HTTP/1", 400},
		{"GET /a HTTP/1.", 400},
		{"GET /a HTTP/11", 400},
		{"GET /a HTTP/1,1", 400},
		{"GET /a HTTP/1.1\r", 400},
		{"GET /a HTTP/1.1\x00", 400},
		{"GET /a HTTP/01.1", 400},
		{"GET /a HTTP/1.10", 400},
		{"GET /a HTTP/-1.1", 400},
		{"GET /a HTTP/+.1", 400},
		{"GET /a HTTP/a.1", 400},
		{"GET /a HTTP/1.x", 400},
		{"GET /a HTTPS/1.1", 400},
		{"GET /a ICAP/1.1", 400},

		{"GET /a HTTP/0.9", 505},
		{"GET /a HTTP/1.2", 505},
		{"GET /a HTTP/1.9", 505},
		{"GET /a HTTP/2.0", 505},
		{"GET /a HTTP/9.9", 505},
		{"PRI * HTTP/2.0", 505},

		{"CONNECT gw:443 HTTP/1.1", 501},
		{"CONNECT /a HTTP/1.1", 501},
		{"TRACE /a HTTP/1.1", 501},
		{"OPTIONS * HTTP/1.1", 501},
		{"OPTIONS * HTTP/1.0", 501},
	} {
		_, err := parsed(t, c.line+"\r\nHost: gw\r\n\r\n")
		if got := statusOf(err); got != c.status {
			t.Errorf("%q: status %d (%v), want %d", c.line, got, err, c.status)
		}
	}
}

func TestHostIsAskedForOnce(t *testing.T) {
	const line10, line11 = "GET / HTTP/1.0\r\n", "GET / HTTP/1.1\r\n"
	for _, c := range []struct {
		head   string
		status int
	}{
		{line11 + "Host: gw\r\n\r\n", 0},
		{line11 + "hOsT:gw:8080\r\n\r\n", 0},
		{line11 + "Host: [2001:db8::1]:80\r\n\r\n", 0},
		{line11 + "Host:\r\n\r\n", 0}, // RFC 9112 section 3.2: empty where there is no authority
		{line10 + "Host: gw\r\n\r\n", 0},
		{line10 + "\r\n", 0},

		{line11 + "\r\n", 400},
		{line11 + "X-Host: gw\r\n\r\n", 400},
		{line11 + "Host: gw\r\nHost: gw\r\n\r\n", 400},
		{line11 + "Host: gw\r\nX: y\r\nhost: other\r\n\r\n", 400},
		{line10 + "Host: gw\r\nHost: gw\r\n\r\n", 400},
		{line11 + "Host: gw other\r\n\r\n", 400},
		{line11 + "Host: gw\tother\r\n\r\n", 400},
		{line11 + "Host: user@gw\r\n\r\n", 400},
		{line11 + "Host: gw/a\r\n\r\n", 400},
		{line11 + "Host: gw?a\r\n\r\n", 400},
		{line11 + "Host: gw#a\r\n\r\n", 400},
		{line11 + "Host: g\\w\r\n\r\n", 400},
		{line11 + "Host: \"gw\"\r\n\r\n", 400},
		{line11 + "Host: g\xc3\xa9\r\n\r\n", 400},
		{line10 + "Host: user@gw\r\n\r\n", 400},
		{"GET http://other/ HTTP/1.1\r\n\r\n", 400}, // absolute form does not stand in for it
	} {
		_, err := parsed(t, c.head)
		if got := statusOf(err); got != c.status {
			t.Errorf("%q: status %d (%v), want %d", c.head, got, err, c.status)
		}
	}
}

func TestRequestFramingIsUnambiguousOrRefused(t *testing.T) {
	const refused = Framing(255)
	for _, c := range []struct {
		lines   string
		framing Framing
		length  int64
	}{
		{"", NoBody, 0},
		{"Content-Length: 0", ByLength, 0},
		{"Content-Length: 5", ByLength, 5},
		{"content-LENGTH:5", ByLength, 5},
		{"Content-Length: \t 5 \t", ByLength, 5},
		{"Content-Length: 005", ByLength, 5},
		{"Content-Length: 999999999999999999", ByLength, 999999999999999999},
		{"Content-Length: 000000000000000005", ByLength, 5},
		{"Transfer-Encoding: chunked", ByChunks, 0},
		{"tRaNsFeR-eNcOdInG: cHuNkEd", ByChunks, 0},
		{"Transfer-Encoding:\tchunked\t", ByChunks, 0},

		{"Content-Length: 5\r\nTransfer-Encoding: chunked", refused, 0},
		{"Transfer-Encoding: chunked\r\nContent-Length: 5", refused, 0},
		{"Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 0", refused, 0},
		{"Content-Length: 5\r\nContent-Length: 5", refused, 0},
		{"Content-Length: 5\r\nContent-Length: 6", refused, 0},
		{"Content-Length: 0\r\nContent-Length: 0", refused, 0},
		{"Content-Length: 5, 5", refused, 0},
		{"Content-Length: 5,", refused, 0},
		{"Content-Length:", refused, 0},
		{"Content-Length: ,", refused, 0},
		{"Content-Length: -5", refused, 0},
		{"Content-Length: +5", refused, 0},
		{"Content-Length: 5 5", refused, 0},
		{"Content-Length: 0x5", refused, 0},
		{"Content-Length: 5.0", refused, 0},
		{"Content-Length: 1e1", refused, 0},
		{"Content-Length: 5;", refused, 0},
		{"Content-Length: 1_0", refused, 0},
		{"Content-Length: \"5\"", refused, 0},
		{"Content-Length: \xd9\xa5", refused, 0},
		{"Content-Length: five", refused, 0},
		{"Content-Length: 1000000000000000000", refused, 0},
		{"Content-Length: 0000000000000000005", refused, 0},
		{"Content-Length: 9223372036854775808", refused, 0},
		{"Content-Length: 18446744073709551616", refused, 0},
		{"Content-Length : 5", refused, 0},
		{"Transfer-Encoding:", refused, 0},
		{"Transfer-Encoding: ,chunked", refused, 0},
		{"Transfer-Encoding: chunked,", refused, 0},
		{"Transfer-Encoding: xchunked", refused, 0},
		{"Transfer-Encoding: chunkedx", refused, 0},
		{"Transfer-Encoding: chunked, chunked", refused, 0},
		{"Transfer-Encoding: chunked, identity", refused, 0},
		{"Transfer-Encoding: identity, chunked", refused, 0},
		{"Transfer-Encoding: identity", refused, 0},
		{"Transfer-Encoding: gzip, chunked", refused, 0},
		{"Transfer-Encoding: gzip", refused, 0},
		{"Transfer-Encoding: \"chunked\"", refused, 0},
		{"Transfer-Encoding: chunked;q=1", refused, 0},
		{"Transfer-Encoding: c\xc5\xbfunked", refused, 0},
		{"Transfer-Encoding: chun\u212aed", refused, 0},
		{"Transfer-Encoding: \vchunked", refused, 0},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", refused, 0},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", refused, 0},
		{"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", refused, 0},
		{"Transfer-Encoding : chunked", refused, 0},
		{"Transfer-Encoding: chun\r\n ked", refused, 0},
		{"X: x\r\n Transfer-Encoding: chunked", refused, 0},
	} {
		lines := c.lines
		if lines != "" {
			lines += "\r\n"
		}
		h, err := parsed(t, "POST /a HTTP/1.1\r\nHost: gw\r\n"+lines+"\r\n")
		if c.framing == refused {
			if statusOf(err) != 400 {
				t.Errorf("%q: error %v, want a 400", c.lines, err)
			}
			continue
		}
		if err != nil || h.Framing != c.framing || h.Length != c.length {
			t.Errorf("%q: framing %d, length %d, error %v; want %d, %d", c.lines, h.Framing, h.Length, err, c.framing, c.length)
		}
	}
}

func TestChunkedIsRefusedInHTTP10(t *testing.T) {
	for _, lines := range []string{"", "Connection: keep-alive\r\n"} {
		_, err := parsed(t, "POST / HTTP/1.0\r\nHost: gw\r\n"+lines+"Transfer-Encoding: chunked\r\n\r\n")
		if statusOf(err) != 400 {
			t.Errorf("error %v, want a 400", err)
		}
	}
}

func TestConnectionOptionsAreRead(t *testing.T) {
	type options struct{ close, nominates bool }
	for _, c := range []struct {
		version, lines string
		want           options
	}{
		{"1.1", "", options{}},
		{"1.0", "", options{close: true}},
		{"1.1", "Connection: close\r\n", options{close: true}},
		{"1.1", "Connection: CLOSE\r\n", options{close: true}},
		{"1.1", "Connection: keep-alive\r\n", options{}},
		{"1.0", "Connection: Keep-Alive\r\n", options{}},
		{"1.0", "Connection: keep-alive, close\r\n", options{close: true}},
		{"1.1", "Connection: keep-alive\r\nConnection: close\r\n", options{close: true}},
		{"1.1", "Connection: , ,\tclose ,\r\n", options{close: true}},
		{"1.1", "Connection:\r\n", options{}},
		{"1.1", "Connection: X-A\r\n", options{nominates: true}},
		{"1.1", "Connection: x\r\n", options{nominates: true}},
		{"1.1", "Connection: close, X-A\r\n", options{close: true, nominates: true}},
		{"1.1", "Connection: upgrade\r\n", options{}},
		{"1.1", "Connection: closed, not-close, close-\r\n", options{nominates: true}},
		{"1.1", "Connection: \"close\"\r\n", options{nominates: true}},
		{"1.1", "Proxy-Connection: close\r\nX-Connection: close\r\n", options{}},
		{"1.0", "Proxy-Connection: keep-alive\r\n", options{close: true}},
	} {
		h := mustParse(t, "GET / HTTP/"+c.version+"\r\nHost: gw\r\n"+c.lines+"\r\n")
		if got := (options{h.Close, h.Nominates}); got != c.want {
			t.Errorf("HTTP/%s %q: %+v, want %+v", c.version, c.lines, got, c.want)
		}
	}
}

func TestExpectIsReadInHTTP11Alone(t *testing.T) {
	for _, c := range []struct {
		version, lines string
		want           bool
	}{
		{"1.1", "Expect: 100-continue\r\n", true},
		{"1.1", "expect: 100-Continue\r\n", true},
		{"1.0", "Expect: 100-continue\r\n", false},
		{"1.1", "Expect: 200-ok\r\n", false},
		{"1.1", "Expect:\r\n", false},
		{"1.1", "X-Expect: 100-continue\r\n", false},
	} {
		h := mustParse(t, "POST / HTTP/"+c.version+"\r\nHost: gw\r\n"+c.lines+"\r\n")
		if h.Expects != c.want {
			t.Errorf("HTTP/%s %q: expects %v", c.version, c.lines, h.Expects)
		}
	}
}

func TestWebSocketHandshakeIsRecognised(t *testing.T) {
	for _, c := range []struct {
		line, lines string
		want        bool
	}{
		{"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", true},
		{"GET / HTTP/1.1", "connection: keep-alive, UPGRADE\r\nupgrade: WebSocket\r\n", true},
		{"GET / HTTP/1.1", "Upgrade: h2c, websocket\r\nConnection: x\r\nConnection: upgrade\r\n", true},
		{"GET / HTTP/1.1", "Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: upgrade\r\n", true},

		{"GET / HTTP/1.1", "Upgrade: websocket\r\n", false},
		{"GET / HTTP/1.1", "Connection: Upgrade\r\n", false},
		{"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n", false},
		{"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket/13\r\n", false},
		{"GET / HTTP/1.1", "Connection: X-Upgrade\r\nUpgrade: websocket\r\n", false},
		{"GET / HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n", false},
		{"POST / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", false},
		{"get / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", false},
		{"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n", true},
		{"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", false},
		{"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n", false},
	} {
		h := mustParse(t, c.line+"\r\nHost: gw\r\n"+c.lines+"\r\n")
		if h.WebSocket != c.want {
			t.Errorf("%s, %q: WebSocket %v", c.line, c.lines, h.WebSocket)
		}
	}
}

func TestReusedHeadHoldsNothingOfTheLast(t *testing.T) {
	full := "GET /a?b HTTP/1.0\r\nConnection: close, keep-alive, X-A\r\nContent-Length: 5\r\nX-A: b\r\n\r\n"
	var h RequestHead
	if err := ParseRequest([]byte(full), &h); err != nil {
		t.Fatal(err)
	}
	if err := ParseRequest([]byte("HEAD / HTTP/1.1\r\nHost: gw\r\n\r\n"), &h); err != nil {
		t.Fatal(err)
	}
	if len(h.Fields) != 1 || h.Framing != NoBody || h.Length != 0 || h.Close || h.Nominates || h.Minor != 1 || !h.IsHead() {
		t.Errorf("the head is %+v", h)
	}
}
