package wire

import "strings"

// hidden is what a smuggler wants to be taken for a request of its own.
const hidden = "GET /hidden HTTP/1.1\r\nHost: gw\r\n\r\n"

// smuggling are the shapes by which requests are known to be smuggled, and a
// few that are in order.
func smuggling() (seeds []string) {
	post := func(lines, body string) {
		seeds = append(seeds, "POST /a HTTP/1.1\r\nHost: gw\r\n"+lines+"\r\n"+body)
	}
	for _, lines := range []string{
		"Content-Length: 43\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
		"Transfer-Encoding: chunked\r\n",
		"tRaNsFeR-eNcOdInG: cHuNkEd\r\n",
		"Transfer-Encoding: xchunked\r\n",
		"Transfer-Encoding: chunked, identity\r\n",
		"Transfer-Encoding: identity, chunked\r\n",
		"Transfer-Encoding: gzip, chunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
		"Transfer-Encoding: \x0bchunked\r\n",
		"Transfer-Encoding: \"chunked\"\r\n",
		"Transfer-Encoding: chunked;q=1\r\n",
		"Transfer-Encoding: c\xc5\xbfunked\r\n",
		"Transfer-Encoding: ,chunked\r\n",
		"Transfer-Encoding: chun\r\n ked\r\n",
		"Transfer-Encoding : chunked\r\n",
		"X: x\r\n Transfer-Encoding: chunked\r\n",
		"X: x\rTransfer-Encoding: chunked\r\n",
		"X: x\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nTrailer: X-T, Content-Length\r\n",
		"Transfer-Encoding: chunked\r\nConnection: close, Transfer-Encoding\r\n",
		"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
	} {
		post(lines, "0\r\n\r\n"+hidden)
	}
	for _, value := range []string{
		"5", " 5\t", "005", "-5", "+5", "5 5", "5, 5", "5, 6", "0x5", "5.0", "1e1", "5;", "", "\xd9\xa5",
		"18446744073709551616", "9223372036854775808", "999999999999999999",
		"5\r\nContent-Length: 5", "5\r\nContent-Length: 6", "5\r\n 6",
	} {
		post("Content-Length: "+value+"\r\n", "hello"+hidden)
	}
	post("Content-Length : 5\r\n", "hello"+hidden)
	for _, c := range wholeBodies {
		post("Transfer-Encoding: chunked\r\n", c.in+hidden)
	}
	for _, chunks := range []string{
		"0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n", "five\r\nhello\r\n",
		"fffffffffffffffb\r\nhello\r\n0\r\n\r\n", "0_5\r\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
		"5\nhello\r\n0\r\n\r\n", "5;a\rb\r\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "5;\n" + hidden + "\r\nhello\r\n0\r\n\r\n",
		"5 \r\nhello\r\n0\r\n\r\n", "5 ;a\r\nhello\r\n0\r\n\r\n", "5;\x00\r\nhello\r\n0\r\n\r\n", "0\r\n" + hidden,
		"0\r\nX: y\r\n z\r\n\r\n", "0\r\nX : y\r\n\r\n", "5\r\nhell", "5\r\nhello\r\n0\r\n",
	} {
		post("Transfer-Encoding: chunked\r\n", chunks+hidden)
	}
	for _, line := range []string{
		"GET /a?b=c;d+e%20 HTTP/1.1", "GET /%zz HTTP/1.1", "GET http://other/a?b HTTP/1.1", "GET http://u@other/a HTTP/1.1",
		"GET http://other HTTP/1.1", "GET http://other:x/ HTTP/1.1", "GET http:///a HTTP/1.1", "GET //a//b HTTP/1.1", "GET /a#b HTTP/1.1",
		"GET /a HTTP/9.9", "GET /a http/1.1", "GET /a b HTTP/1.1", "G(ET /a HTTP/1.1", "GET\t/a\tHTTP/1.1",
		" GET /a HTTP/1.1", "GET /a\x0bHTTP/1.1", "GET /a HTTP/2.0", "GET /a HTTP/-1.1", "GET  /a  HTTP/1.1",
		"GET /a", "CONNECT gw:443 HTTP/1.1", "TRACE /a HTTP/1.1", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0", "GET /a HTTP/1.0",
		"\r\nGET /a HTTP/1.1", "GET /caf\xc3\xa9 HTTP/1.1",
	} {
		seeds = append(seeds, line+"\r\nHost: gw\r\n\r\n"+hidden)
	}
	for _, lines := range []string{
		"", "Host: gw\r\nHost: gw", "Host: gw\r\nhost: other", "Host: a b", "Host: u@gw", "Host:", "Host: gw\r\nX-A: a\x00b",
		"Host: gw\r\nX-A: a\rX-B: b", "Host: gw\r\nX A: b", "Host: gw\r\nX(A): b", "Host: gw\r\n: b", "Host: gw\r\njusttext",
		"Host: gw\r\nX-A: a\r\n b\r\n\tc", " Host: gw", "Host: gw\r\nConnection: keep-alive, X-H\r\nx-h: 1\r\nX-H: 2",
		"Host: gw\r\nConnection: close", "Host: gw\r\nPragma: no-cache", "Host: gw\r\nContent-Length: 0\r\nTrailer: X",
		"Host: gw\r\nConnection: Upgrade\r\nUpgrade: websocket", "Host: gw\r\nX:\tcaf\xc3\xa9 \t",
	} {
		for _, version := range []string{"1.1", "1.0"} {
			seeds = append(seeds, "GET /a HTTP/"+version+"\r\n"+lines+"\r\n\r\n"+hidden)
		}
	}
	seeds = append(seeds,
		"POST /a HTTP/1.0\r\nHost: gw\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+hidden,
		strings.ReplaceAll(hidden, "\r\n", "\n"),
	)
	return seeds
}
