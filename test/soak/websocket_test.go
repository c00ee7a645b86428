package soak

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func (p *plan) isWebSocket() bool { return strings.Contains(p.Kind, "websocket") }

// accept is what a server answers a WebSocket handshake with (RFC 6455 section
// 4.2.2).
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// webSocket accepts a handshake and sends everything back.
func (c *upstreamConn) webSocket(req *http.Request, p *plan) {
	if !strings.EqualFold(req.Header.Get("Upgrade"), "websocket") {
		c.u.tally.failed(p, "its handshake arrived without Upgrade")
		return
	}
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nX-Id: %d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		p.ID, accept(req.Header.Get("Sec-WebSocket-Key")))
	want, got := p.upload(), int64(0)
	buffer := make([]byte, 32*kib)
	for {
		c.SetDeadline(time.Now().Add(patience))
		n, err := c.r.Read(buffer)
		if bad := want.take(buffer[:n]); bad != nil {
			c.u.tally.failed(p, "its messages arrived damaged: %v", bad)
			return
		}
		if p.Manner == "reset" && got+int64(n) >= p.At {
			c.Write(buffer[:p.At-got])
			c.reset()
			return
		}
		got += int64(n)
		if _, werr := c.Write(buffer[:n]); err != nil || werr != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.u.tally.failed(p, "its tunnel is open at the upstream, long after its client closed it")
			}
			return
		}
	}
}

// webSocket opens a tunnel, sends the upload and reads it back.
func (c *client1) webSocket(p *plan, o outcome) outcome {
	defer c.drop()
	key := base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%016x", p.ID)))
	if _, o.none = io.WriteString(c.conn, c.head(p, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: "+key)); o.none != nil {
		return o
	}
	var res *http.Response
	if res, o.none = http.ReadResponse(c.r, &http.Request{Method: "GET"}); o.none != nil {
		return o
	}
	o.status = res.StatusCode
	if res.StatusCode != http.StatusSwitchingProtocols {
		o.refusal(res)
		return o
	}
	if got := res.Header.Get("Sec-WebSocket-Accept"); got != accept(key) {
		o.wrong = fmt.Errorf("Sec-WebSocket-Accept %q", got)
		return o
	}
	sent, conn := make(chan struct{}), c.conn
	go func() {
		defer close(sent)
		r, upload := p.rand(2), p.upload()
		for left := p.Up; left > 0; {
			b := make([]byte, min(left, pieceSize(r)))
			upload.next(b)
			if _, err := conn.Write(b); err != nil {
				return
			}
			left -= int64(len(b))
		}
	}()
	o.read(p, io.LimitReader(c.r, p.Up), p.upload())
	if o.broken == nil && o.got < p.Up && !o.left {
		o.broken = io.ErrUnexpectedEOF // a tunnel has no other end
	}
	c.leave(p)
	<-sent
	return o
}
