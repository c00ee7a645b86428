package usage

// Frames reads the usage of a WebSocket session (RFC 6455) from the bytes that
// the server sends after its handshake: OpenAI's realtime and responses,
// Gemini Live. A session is one answer after another, so here usage is a sum
// over the answers, each of which counts for its last figures; Raw is that of
// the last answer.
//
// It is used like a Scanner: Write, End, and Progress from anywhere. Payloads
// are read as they pass and never held, fragmented or not, compressed
// (permessage-deflate) or not.
type Frames struct {
	answer  answer
	gaveUp  bool
	deflate bool     // messages may be compressed
	inflate *decoder // nil: none has been

	head    [10]byte // of the frame under way: 2, 4 or 10 bytes
	have    int
	left    uint64 // bytes left of its payload
	control bool   // it is a control frame, which may come between fragments
	final   bool   // it is the message's last
	message bool   // a message has begun and not ended
	packed  bool   // it is compressed
	closed  bool   // a close frame has passed: nothing counts after that
}

// NewFrames returns a reader for a session. extensions is the handshake
// answer's Sec-WebSocket-Extensions: where there is another than
// permessage-deflate, frames are not read, and usage is unknown.
func NewFrames(extensions string) *Frames {
	f := new(Frames)
	f.Reset(extensions)
	return f
}

// Reset prepares for another session. End must have been called for the last.
func (f *Frames) Reset(extensions string) {
	f.answer.reset(true)
	f.deflate = isDeflate(extensions)
	f.gaveUp = extensions != "" && !f.deflate
	f.have, f.left = 0, 0
	f.control, f.final, f.message, f.packed, f.closed = false, false, false, false, false
}

// Write reads a piece of what the server sends. It neither changes nor keeps
// p, and does not block.
func (f *Frames) Write(p []byte) {
	for len(p) > 0 && !f.gaveUp && !f.closed {
		if f.left == 0 {
			f.head[f.have] = p[0]
			f.have++
			p = p[1:]
			if f.have == headLen(f.head[:f.have]) {
				f.begin()
			}
			continue
		}
		n := len(p)
		if uint64(n) > f.left {
			n = int(f.left)
		}
		if !f.control {
			f.payload(p[:n])
		}
		p = p[n:]
		if f.left -= uint64(n); f.left == 0 {
			f.frameEnd()
		}
	}
	f.answer.publish()
}

// headLen is how long a frame's head is, as far as that can be told yet.
func headLen(head []byte) int {
	if len(head) < 2 {
		return 2
	}
	switch head[1] & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// begin takes in a frame's head.
func (f *Frames) begin() {
	opcode := f.head[0] & 0x0f
	f.left = uint64(f.head[1] & 0x7f)
	if f.have > 2 {
		f.left = 0
		for _, c := range f.head[2:f.have] {
			f.left = f.left<<8 | uint64(c)
		}
	}
	f.have = 0
	f.final = f.head[0]&0x80 != 0
	f.control = opcode >= 8
	packed := f.deflate && f.head[0]&0x70 == packedBit && (opcode == 1 || opcode == 2)
	reserved, masked := f.head[0]&0x70 != 0 && !packed, f.head[1]&0x80 != 0
	switch {
	case reserved || masked || f.left>>63 != 0, // servers do not mask (5.1)
		f.control && (opcode > 10 || !f.final || f.left > 125),
		!f.control && opcode > 2,
		!f.control && (opcode == 0) != f.message:
		f.gaveUp = true
		return
	}
	// Binary messages too: Gemini Live sends its JSON in them.
	if !f.control && !f.message {
		f.packed = packed
	}
	f.message = f.message || !f.control
	f.closed = opcode == 8
	if f.left == 0 {
		f.frameEnd()
	}
}

func (f *Frames) frameEnd() {
	if f.control || !f.final {
		return
	}
	f.message = false
	if f.packed {
		f.payload(deflateTail)
		f.inflate.renew() // a session may go on for hours
	}
	f.answer.events++
	if !f.answer.walker.fresh() {
		f.answer.walker.restart(top)
	}
}

// Progress is how far the session has come. Any goroutine may call it, at any
// time; it never waits.
func (f *Frames) Progress() Progress { return f.answer.progress() }

// End is the session's end, however it came. Sessions have no end that could
// be missing: Truncated is never set. It frees what Write holds.
func (f *Frames) End() Result {
	a := &f.answer
	if f.inflate != nil {
		f.gaveUp = !f.inflate.end() || f.gaveUp
		f.inflate = nil
	}
	a.finish()
	r := Result{Model: a.model, Events: a.events, InBandError: a.failed, GaveUp: f.gaveUp}
	if !f.gaveUp {
		r.Usage = a.usage()
	}
	a.publish()
	return r
}
