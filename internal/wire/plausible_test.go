package wire

import "testing"

func TestNoBeginningOfARequestIsTakenForSomethingElse(t *testing.T) {
	for _, head := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"!#$%&'*+-.^_`|~0aZ /x?y HTTP/1.0\r\n\r\n",
		"\r\nPOST http://a/x HTTP/1.1\r\nHost: a\r\nX: \xff\x80\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		for n := range len(head) + 1 {
			if !CouldBeRequest([]byte(head[:n])) {
				t.Errorf("%q could not be one", head[:n])
			}
		}
	}
}

func TestNoBeginningOfAResponseIsTakenForSomethingElse(t *testing.T) {
	for _, head := range []string{
		"HTTP/1.1 200 OK\r\nX: y\r\n\r\n",
		"HTTP/1.0 999\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 \r\n\r\n",
	} {
		for n := range len(head) + 1 {
			if !CouldBeResponse([]byte(head[:n])) {
				t.Errorf("%q could not be one", head[:n])
			}
		}
	}
}

func TestWhatIsNoHTTPShowsAtItsBeginning(t *testing.T) {
	for _, b := range []string{"\x16", "\x00", " GET", "\rG", "\n", "HELO\r", "GE\tT", "GET\r\n", "{\"a\"", "SSH-2.0-OpenSSH\r"} {
		if CouldBeRequest([]byte(b)) {
			t.Errorf("%q could be a request", b)
		}
	}
	for _, b := range []string{"\x15", "\r", "h", "HTTP 200", "HTTP/2", "HTTP/1.2", "HTTP/1.1\r", "HTTP/1.1  ", "HTTP/1.1 2x", "220 mail", "ICY 200", "HTTP/1.1 20 OK"} {
		if CouldBeResponse([]byte(b)) {
			t.Errorf("%q could be a response", b)
		}
	}
}
