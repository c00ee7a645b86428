package wire

import "testing"

// parseAnswer parses a response head the way a client does.
func parseAnswer(head string, h *ResponseHead, toHead bool) error {
	b, err := nextHead(connOf([]byte(head)), MaxResponseHead)
	if err != nil {
		return err
	}
	return ParseResponse(b, h, toHead)
}

func TestStatusLineIsReadAsSent(t *testing.T) {
	for _, c := range []struct {
		line   string
		status int
		minor  int
		reason string
	}{
		{"HTTP/1.1 200 OK", 200, 1, "OK"},
		{"HTTP/1.0 404 Not Found", 404, 0, "Not Found"},
		{"HTTP/1.1 200 ", 200, 1, ""},
		{"HTTP/1.1 200", 200, 1, ""}, // the blank is missing in many servers
		{"HTTP/1.1 299 a  b\tc ", 299, 1, "a  b\tc "},
		{"HTTP/1.1 500 caf\xc3\xa9\xff", 500, 1, "caf\xc3\xa9\xff"},
		{"HTTP/1.1 100 Continue", 100, 1, "Continue"},
		{"HTTP/1.1 999 ?", 999, 1, "?"},
	} {
		var h ResponseHead
		if err := parseAnswer(c.line+"\r\n\r\n", &h, false); err != nil {
			t.Errorf("%q: %v", c.line, err)
		}
		if h.Status != c.status || h.Minor != c.minor || string(h.Reason) != c.reason {
			t.Errorf("%q: status %d, minor %d, reason %q", c.line, h.Status, h.Minor, h.Reason)
		}
	}
}

func TestMalformedStatusLineIsRefused(t *testing.T) {
	for _, line := range []string{
		"",
		"HTTP/1.1",
		"HTTP/1.1 ",
		"HTTP/1.1 20",
		"HTTP/1.1 2000 OK",
		"HTTP/1.1 200OK",
		"HTTP/1.1 200\tOK",
		"HTTP/1.1  200 OK",
		"HTTP/1.1\t200 OK",
		"HTTP/1.1 099 OK",
		"HTTP/1.1 000 OK",
		"HTTP/1.1 -20 OK",
		"HTTP/1.1 +20 OK",
		"HTTP/1.1 2x0 OK",
		"HTTP/1.1 \xd9\xa2 OK",
		"HTTP/1.1 200 O\x00K",
		"HTTP/1.1 200 O\rK",
		"HTTP/1.1 200 OK\r",
		"HTTP/1.1 200 \x1b[0m",
		"HTTP/1.1 200 \x7f",
		"HTTP/1.2 200 OK",
		"HTTP/2.0 200 OK",
		"HTTP/0.9 200 OK",
		"HTTP/1 200 OK",
		"HTTP/1.10 200 OK",
		"http/1.1 200 OK",
		"ICY 200 OK",
		" HTTP/1.1 200 OK",
		"200 OK",
		"<html>",
	} {
		if err := parseAnswer(line+"\r\n\r\n", new(ResponseHead), false); err == nil {
			t.Errorf("%q is accepted", line)
		}
	}
}

func TestResponseFramingFollowsRFC9112(t *testing.T) {
	const refused = Framing(255)
	for _, c := range []struct {
		name, line, lines string
		toHead            bool
		framing           Framing
		length            int64
	}{
		{"length", "HTTP/1.1 200 OK", "Content-Length: 5\r\n", false, ByLength, 5},
		{"no length", "HTTP/1.1 200 OK", "Content-Length: 0\r\n", false, ByLength, 0},
		{"chunked", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", false, ByChunks, 0},
		{"neither", "HTTP/1.1 200 OK", "", false, UntilClose, 0},
		{"neither, an error", "HTTP/1.1 500 Oops", "", false, UntilClose, 0},
		{"neither, HTTP/1.0", "HTTP/1.0 200 OK", "", false, UntilClose, 0},
		{"length, HTTP/1.0", "HTTP/1.0 200 OK", "Content-Length: 5\r\n", false, ByLength, 5},
		{"205", "HTTP/1.1 205 Reset", "Content-Length: 0\r\n", false, ByLength, 0},

		{"HEAD with length", "HTTP/1.1 200 OK", "Content-Length: 5\r\n", true, NoBody, 0},
		{"HEAD chunked", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", true, NoBody, 0},
		{"HEAD with neither", "HTTP/1.1 200 OK", "", true, NoBody, 0},
		{"HEAD, an error", "HTTP/1.1 500 Oops", "Content-Length: 5\r\n", true, NoBody, 0},
		{"100", "HTTP/1.1 100 Continue", "", false, NoBody, 0},
		{"103 with length", "HTTP/1.1 103 Early Hints", "Content-Length: 5\r\n", false, NoBody, 0},
		{"101", "HTTP/1.1 101 Switching Protocols", "Transfer-Encoding: chunked\r\n", false, NoBody, 0},
		{"204", "HTTP/1.1 204 No Content", "", false, NoBody, 0},
		{"204 with length", "HTTP/1.1 204 No Content", "Content-Length: 5\r\n", false, NoBody, 0},
		{"204 chunked", "HTTP/1.1 204 No Content", "Transfer-Encoding: chunked\r\n", false, NoBody, 0},
		{"304 with length", "HTTP/1.1 304 Not Modified", "Content-Length: 5\r\n", false, NoBody, 0},

		{"both", "HTTP/1.1 200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", false, refused, 0},
		{"both, to HEAD", "HTTP/1.1 200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", true, refused, 0},
		{"two lengths", "HTTP/1.1 200 OK", "Content-Length: 5\r\nContent-Length: 5\r\n", false, refused, 0},
		{"two lengths in 204", "HTTP/1.1 204 No Content", "Content-Length: 5\r\nContent-Length: 6\r\n", false, refused, 0},
		{"bad length", "HTTP/1.1 200 OK", "Content-Length: -1\r\n", false, refused, 0},
		{"length of 19 digits", "HTTP/1.1 200 OK", "Content-Length: 1000000000000000000\r\n", false, refused, 0},
		{"other coding", "HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked\r\n", false, refused, 0},
		{"chunked twice", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", false, refused, 0},
		{"chunked in HTTP/1.0", "HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n", false, refused, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h ResponseHead
			err := parseAnswer(c.line+"\r\n"+c.lines+"\r\n", &h, c.toHead)
			switch {
			case c.framing == refused && err == nil:
				t.Errorf("accepted: %+v", h)
			case c.framing != refused && err != nil:
				t.Error(err)
			case c.framing != refused && (h.Framing != c.framing || h.Length != c.length):
				t.Errorf("framing %d, length %d; want %d, %d", h.Framing, h.Length, c.framing, c.length)
			}
		})
	}
}

func TestResponseSaysWhetherItsConnectionGoesOn(t *testing.T) {
	for _, c := range []struct {
		line, lines   string
		toHead, close bool
	}{
		{"HTTP/1.1 200 OK", "Content-Length: 5\r\n", false, false},
		{"HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", false, false},
		{"HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: close\r\n", false, true},
		{"HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: x, CLOSE\r\n", false, true},
		{"HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: keep-alive\r\n", false, false},
		{"HTTP/1.1 200 OK", "", false, true},
		{"HTTP/1.1 200 OK", "Connection: keep-alive\r\n", false, true},
		{"HTTP/1.1 200 OK", "", true, false},
		{"HTTP/1.1 204 No Content", "", false, false},
		{"HTTP/1.1 304 Not Modified", "Connection: close\r\n", false, true},
		{"HTTP/1.0 200 OK", "Content-Length: 5\r\n", false, true},
		{"HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive\r\n", false, false},
		{"HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive, close\r\n", false, true},
		{"HTTP/1.0 204 No Content", "", false, true},
	} {
		var h ResponseHead
		if err := parseAnswer(c.line+"\r\n"+c.lines+"\r\n", &h, c.toHead); err != nil {
			t.Fatal(err)
		}
		if h.Close != c.close {
			t.Errorf("%q, %q, to a HEAD %v: close %v", c.line, c.lines, c.toHead, h.Close)
		}
	}
}

func TestInterimAndWebSocketAnswersAreTold(t *testing.T) {
	for _, c := range []struct {
		head               string
		interim, websocket bool
	}{
		{"HTTP/1.1 100 Continue\r\n\r\n", true, false},
		{"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", true, false},
		{"HTTP/1.1 199 ?\r\n\r\n", true, false},
		{"HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false, false},
		{"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n", false, true},
		{"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", false, false},
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", false, false},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", false, false},
	} {
		var h ResponseHead
		if err := parseAnswer(c.head, &h, false); err != nil {
			t.Fatal(err)
		}
		if h.IsInterim() != c.interim || h.WebSocket != c.websocket {
			t.Errorf("%q: interim %v, WebSocket %v", c.head, h.IsInterim(), h.WebSocket)
		}
	}
}

func TestReusedResponseHeadHoldsNothingOfTheLast(t *testing.T) {
	var h ResponseHead
	if err := parseAnswer("HTTP/1.0 101 Go\r\nConnection: upgrade, X-A\r\nUpgrade: websocket\r\n\r\n", &h, false); err != nil {
		t.Fatal(err)
	}
	if err := parseAnswer("HTTP/1.1 200\r\nContent-Length: 7\r\n\r\n", &h, false); err != nil {
		t.Fatal(err)
	}
	if len(h.Fields) != 1 || len(h.Reason) != 0 || h.Length != 7 || h.Close || h.Nominates || h.WebSocket || h.Minor != 1 {
		t.Errorf("the head is %+v", h)
	}
}
