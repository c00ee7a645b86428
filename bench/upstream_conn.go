package main

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"syscall"
)

// upstreamConn is one connection from the proxy. It carries one request at a
// time; a pipelined one waits in pending.
type upstreamConn struct {
	up      *upstream
	fd      int
	gone    bool
	pending []byte // bytes of requests not yet parsed
	unsent  []byte // of the answer, when the socket was full

	refused  bool // answered an error; what still arrives is ignored
	busy     bool // a request is being received or answered
	body     body
	received int64
	answer   answerKind
	events   int // still to send
	seq      int
	pace     int64 // ns
	inStep   bool
	tick     timer
	download int64 // size
	sent     int64 // of the download
}

type answerKind uint8

const (
	answerJSON answerKind = iota
	answerStream
	answerHold
	answerSilent
	answerDownload
	answerUpload
)

func (c *upstreamConn) ready(events uint32) {
	if events&syscall.EPOLLOUT != 0 {
		c.writable()
	}
	if c.gone || events&^syscall.EPOLLOUT == 0 {
		return
	}
	buf := c.up.loop.scratch
	n, err := readFD(c.fd, buf)
	if err == errWouldBlock {
		return
	}
	if err != nil {
		waiting := c.busy
		c.close()
		if c.up.closed != nil {
			c.up.closed(waiting)
		}
		return
	}
	if !c.refused {
		c.receive(buf[:n])
	}
}

func (c *upstreamConn) close() {
	c.gone = true
	c.up.loop.stop(&c.tick)
	c.up.loop.remove(c.fd)
	delete(c.up.conns, c)
	resetFD(c.fd)
}

// receive takes bytes that arrived: heads, and bodies as they come.
func (c *upstreamConn) receive(p []byte) {
	if len(c.pending) > 0 {
		p = append(c.pending, p...)
		c.pending = nil
	}
	for len(p) > 0 && !c.gone {
		if !c.busy {
			var h head
			n, err := parseHead(p, &h)
			if err != nil {
				c.refuse("400 Bad Request", err.Error())
				return
			}
			if n == 0 {
				break
			}
			p = p[n:]
			if !c.begin(&h) {
				return
			}
			if !c.body.done() {
				continue
			}
			c.respond()
			continue
		}
		if c.body.done() {
			break // the next request, before this one was answered
		}
		data, rest, err := c.body.next(p)
		if err != nil {
			c.refuse("400 Bad Request", err.Error())
			return
		}
		c.received += int64(len(data))
		c.up.received += int64(len(data))
		if c.answer == answerUpload && len(data) > 0 {
			if err := checkPattern(data, c.received-int64(len(data))); err != nil {
				c.refuse("422 Unprocessable Content", err.Error())
				return
			}
		}
		p = rest
		if c.body.done() {
			c.respond()
		}
	}
	if len(p) > 0 && !c.gone {
		c.pending = bytes.Clone(p)
	}
}

var (
	pathChat   = []byte("/v1/chat/completions")
	methodPost = []byte("POST")
)

// begin checks a request's head and decides on the answer.
func (c *upstreamConn) begin(h *head) bool {
	if string(h.authorization) != providerKey {
		return c.refuse("401 Unauthorized", fmt.Sprintf("wrong key %q", h.authorization))
	}
	if !h.http11 || h.closing {
		return c.refuse("505 HTTP Version Not Supported", "want HTTP/1.1 and a connection that stays")
	}
	c.up.requests++
	c.busy, c.received, c.seq = true, 0, 0
	c.body.start(h)
	if bytes.Equal(h.target, pathChat) && bytes.Equal(h.method, methodPost) { // the hot path
		c.answer = answerJSON
		return true
	}
	u, err := url.ParseRequestURI(string(h.target))
	if err != nil {
		return c.refuse("400 Bad Request", err.Error())
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(u.Query().Get(name), 10, 64)
		return n
	}
	switch u.Path {
	case string(pathChat):
		c.answer = answerStream
		c.events, c.pace, c.inStep = int(number("events")), number("pace_us")*1000, number("step") == 1
	case "/v1/hold":
		c.answer = answerHold
	case "/v1/silent":
		c.answer = answerSilent
	case "/v1/download":
		c.answer = answerDownload
		c.download, c.sent = number("bytes"), 0
	case "/v1/upload":
		c.answer = answerUpload
	default:
		return c.refuse("404 Not Found", "no such path: "+u.Path)
	}
	return true
}

// refuse answers an error that the load generator will report, and closes.
func (c *upstreamConn) refuse(status, why string) bool {
	c.refused = true
	c.write(fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(why), why))
	if !c.gone {
		syscall.Shutdown(c.fd, syscall.SHUT_WR)
	}
	return false
}

const usualHeaders = "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n" +
	"Openai-Organization: bench\r\nOpenai-Processing-Ms: 12\r\nOpenai-Version: 2020-10-01\r\n" +
	"X-Ratelimit-Limit-Requests: 10000\r\nX-Ratelimit-Remaining-Requests: 9999\r\n" +
	"X-Request-Id: req_0123456789abcdef0123456789abcdef\r\n"

var (
	jsonResponse = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", usualHeaders, len(chatAnswer), chatAnswer)
	streamHead   = "HTTP/1.1 200 OK\r\n" + usualHeaders + "Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunkOpen    = fmt.Sprintf("%x\r\n", len(event))
	streamEnd    = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(streamTail), streamTail)
)

// respond starts the answer; the request has been received completely.
func (c *upstreamConn) respond() {
	switch c.answer {
	case answerJSON:
		c.busy = false
		c.write(jsonResponse)
	case answerStream:
		if c.pace > 0 {
			c.tick.when = now()
			if c.inStep {
				c.tick.when -= c.tick.when % c.pace
			}
			c.sendEvent(streamHead, now())
			return
		}
		// Small enough that the delay shows the proxy's queue, not ours.
		syscall.SetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, 64<<10)
		c.sendEvent(streamHead, now())
		c.up.loop.modify(c.fd, syscall.EPOLLIN|syscall.EPOLLOUT)
	case answerHold:
		c.events = 2 // the second never comes
		c.sendEvent(streamHead, now())
	case answerSilent:
		c.up.silent++
	case answerDownload:
		c.write(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\n%sContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", usualHeaders, c.download))
		c.up.loop.modify(c.fd, syscall.EPOLLIN|syscall.EPOLLOUT)
	case answerUpload:
		c.busy = false
		text := fmt.Sprintf(`{"received":%d}`, c.received)
		c.write(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", usualHeaders, len(text), text))
	}
}

// paced sends the next event of a stream and arms the timer for the one after
// it: at multiples of the pace from the start, however late this one is.
func (c *upstreamConn) paced(t int64) {
	c.sendEvent("", t)
}

// sendEvent writes one event in one write, after a head perhaps and with the
// stream's end if it is the last.
func (c *upstreamConn) sendEvent(before string, t int64) {
	var buf [2048]byte
	p := append(buf[:0], before...)
	p = append(p, chunkOpen...)
	start := len(p)
	p = append(p, event...)
	stampEvent(p[start:], c.seq, t)
	p = append(p, "\r\n"...)
	c.seq++
	c.events--
	if c.events == 0 {
		p = append(p, streamEnd...)
		c.busy = false
	} else if c.answer == answerStream && c.pace > 0 {
		c.up.loop.set(&c.tick, c.tick.when+c.pace)
	}
	c.write(p)
}

// writable is called as long as EPOLLOUT is asked for: one event or one piece
// of a download a turn, so that no stream starves the others.
func (c *upstreamConn) writable() {
	if len(c.unsent) > 0 {
		p := c.unsent
		c.unsent = nil
		c.write(p)
		if len(c.unsent) > 0 || c.gone {
			return
		}
	}
	switch {
	case c.flooding():
		c.sendEvent("", now())
	case c.downloading():
		n, err := writeFD(c.fd, patternFrom(c.sent, c.download-c.sent))
		if err != nil && err != errWouldBlock {
			return // reading will tell
		}
		c.sent += int64(n)
		if c.sent == c.download {
			c.busy = false
		}
	}
	if len(c.unsent) == 0 && !c.flooding() && !c.downloading() {
		c.up.loop.modify(c.fd, syscall.EPOLLIN)
	}
}

func (c *upstreamConn) flooding() bool    { return c.busy && c.answer == answerStream && c.pace == 0 }
func (c *upstreamConn) downloading() bool { return c.busy && c.answer == answerDownload }

// write sends p now, and what does not fit as soon as there is room.
func (c *upstreamConn) write(p []byte) {
	if len(c.unsent) > 0 {
		c.unsent = append(c.unsent, p...)
		return
	}
	n, err := writeFD(c.fd, p)
	if err == errWouldBlock {
		c.unsent = bytes.Clone(p[n:])
		c.up.loop.modify(c.fd, syscall.EPOLLIN|syscall.EPOLLOUT)
	}
	// Any other failure shows at the next read.
}
