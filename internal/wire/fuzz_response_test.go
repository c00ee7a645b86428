package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"testing"
)

// FuzzResponse is FuzzRequest for answers, to a HEAD or not.
func FuzzResponse(f *testing.F) {
	const next = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhidden"
	for _, lines := range []string{
		"Content-Length: 5\r\n\r\nhello", "Content-Length: 0\r\n\r\n", "\r\nuntil close", "Connection: close\r\n\r\nhello",
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"Content-Length: -5\r\n\r\nhello", "Content-Length: 5, 5\r\n\r\nhello", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n0\r\nX-T: y\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhell",
		"Connection: keep-alive, X-H\r\nX-H: 1\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 5\r\n\r\nhello",
		"X: a\r\n b\r\n\r\n", "X : a\r\n\r\n", "X: a\x00\r\n\r\n", "Pragma: no-cache\r\nContent-Length: 0\r\n\r\n",
		"Content-Length: 5\r\n\r\nhell",
	} {
		for _, line := range []string{
			"HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified", "HTTP/1.1 103 Early Hints",
			"HTTP/1.1 101 Switching Protocols", "HTTP/1.1 200",
		} {
			for _, toHead := range []bool{false, true} {
				f.Add([]byte(line+"\r\n"+lines+next), toHead)
			}
		}
	}
	for _, line := range []string{
		"HTTP/1.1 200 ", "HTTP/1.1  200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 +20 OK", "HTTP/2.0 200 OK",
		"http/1.1 200 OK", "ICY 200 OK", "HTTP/1.1 200 a\x00b", "HTTP/1.1 200 a\rb", "HTTP/1.1\t200 OK", "HTTP/1.1 999 caf\xc3\xa9\t",
	} {
		f.Add([]byte(line+"\r\nContent-Length: 5\r\n\r\nhello"+next), false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, toHead bool) {
		c := connOf(bytes.Clone(stream))
		head, err := nextHead(c, MaxResponseHead)
		if err != nil {
			return
		}
		var h ResponseHead
		if ParseResponse(bytes.Clone(head), &h, toHead) != nil {
			return
		}
		ours := &message{start: fmt.Sprintf("HTTP/1.%d %d %s", h.Minor, h.Status, h.Reason), close: h.Close}
		ours.takeFields(h.Fields)
		if ours.readBehind(c, h.Framing, h.Length) != nil {
			return
		}

		r := bufio.NewReaderSize(bytes.NewReader(stream), len(stream)+1)
		req := &http.Request{Method: "GET"}
		if toHead {
			req.Method = "HEAD"
		}
		res, err := http.ReadResponse(r, req)
		if isOfTheTrailerLine(err) {
			return
		}
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", stream, err)
		}
		if err := checkHeader(res.Header); err != nil {
			t.Fatalf("net/http's client refuses %q: %v", stream, err)
		}
		status := res.Status
		if len(status) == 3 {
			status += " "
		}
		theirs := &message{start: res.Proto + " " + status, fields: res.Header, close: res.Close}
		coding := res.TransferEncoding
		if res.Body == http.NoBody {
			coding = nil // told for an answer without a body too
		}
		if err := theirs.readGoBody(res.Body, r, coding, res.ContentLength); isTooMuchOverhead(err) {
			return
		} else if err != nil {
			t.Fatalf("net/http refuses %q: %v", stream, err)
		}
		if ours.framing == ByLength && ours.length == 0 {
			ours.framing = NoBody
		}
		compare(t, stream, ours, theirs)
	})
}
