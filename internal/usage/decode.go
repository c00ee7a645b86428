package usage

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

const (
	expandMax   = 256 << 20 // what one body may expand to
	expandFree  = 8 << 20   // what it may be ahead of expandRatio; some 40 ms at worst
	expandRatio = 64        // what each byte may expand to
	windowMax   = 8 << 20   // what zstd may look back (RFC 9659 asks for no more)
)

// A decoder undoes a content coding in a side copy, piece by piece.
//
// Decoders in Go pull from a reader, while the relay pushes. So the decoder is
// a coroutine (iter.Pull): write hands it a piece and gets control back once
// all of that has been decoded and it asks for more. Nothing runs in between,
// nothing is queued and no piece is kept; the work is done on the relay's own
// goroutine, which the limits above bound: a body that expands beyond them is
// a bomb, and given up on.
//
// What it holds is the coding's own window: 32 KiB for gzip and deflate, up to
// 8 MiB for zstd and 16 MiB for br, if the sender uses that much.
type decoder struct {
	in     []byte // of the piece under way; empty between pieces
	ended  bool   // no more will come
	yield  func(struct{}) bool
	resume func() (struct{}, bool)
	stop   func()

	coding string
	sink   func([]byte)
	budget int64 // what the body may yet expand to
	left   int64 // what has come may yet expand to
	failed bool

	out  [4 << 10]byte
	gzip *gzip.Reader // kept from body to body; the others are large or rare
}

// messageDeflate is no content coding: a WebSocket's messages, one stream.
const messageDeflate = "permessage-deflate"

var errAbandoned = errors.New("abandoned")

// knownCoding: it can be undone. Several codings on top of each other cannot.
func knownCoding(coding string) bool {
	switch coding {
	case "gzip", "x-gzip", "deflate", "br", "zstd":
		return true
	}
	return false
}

// start begins a body. end must follow, or its coroutine is never freed.
func (d *decoder) start(coding string, sink func([]byte)) {
	d.in, d.ended, d.coding, d.sink = nil, false, coding, sink
	d.budget, d.left, d.failed = expandMax, expandFree, false
	d.resume, d.stop = iter.Pull(d.run)
}

// write decodes a piece, as far as that goes, and reports whether it can go on.
func (d *decoder) write(p []byte) bool {
	d.in = p
	d.left = min(d.left, expandFree) + expandRatio*int64(len(p)) // what was not needed is not saved up
	d.resume()
	d.in = nil
	return !d.failed
}

// renew gives what comes from here on the whole of the budget.
func (d *decoder) renew() { d.budget = expandMax }

// end decodes what is left, and frees the coroutine.
func (d *decoder) end() bool {
	d.ended = true
	d.resume()
	d.stop()
	d.resume, d.stop, d.yield, d.sink = nil, nil, nil, nil
	return !d.failed
}

// run is the coroutine.
func (d *decoder) run(yield func(struct{}) bool) {
	d.yield = yield
	defer func() {
		if recover() != nil { // a decoder's mistake must not cost the answer
			d.failed = true
		}
	}()
	if err := d.decode(); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		d.failed = true
	}
}

func (d *decoder) decode() error {
	r, err := d.open()
	if err != nil {
		return err
	}
	if z, ok := r.(*zstd.Decoder); ok {
		defer z.Close()
	}
	for idle := 0; idle < 100; idle++ {
		n, err := r.Read(d.out[:])
		d.budget -= int64(n)
		if d.left -= int64(n); d.left < 0 || d.budget < 0 {
			return errAbandoned
		}
		d.sink(d.out[:n])
		if err != nil {
			return err
		}
		if n > 0 {
			idle = 0
		}
	}
	return io.ErrNoProgress
}

// open reads the coding's header.
func (d *decoder) open() (io.Reader, error) {
	switch d.coding {
	case "br":
		return brotli.NewReader(d), nil
	case "zstd":
		return zstd.NewReader(d, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(windowMax))
	case messageDeflate:
		return newMessages(d), nil
	case "deflate":
		// RFC 9110 8.4.1.2 means zlib by it, and some senders do not.
		in := bufio.NewReaderSize(d, 64)
		if h, _ := in.Peek(2); len(h) == 2 && h[0]&0x0f == 8 && (int(h[0])<<8|int(h[1]))%31 == 0 {
			return zlib.NewReader(in)
		}
		return flate.NewReader(in), nil
	}
	if d.gzip == nil {
		d.gzip = new(gzip.Reader)
	}
	return d.gzip, d.gzip.Reset(d)
}

// Read and ReadByte are how the decoder gets its input; they return control to
// write when there is none.
func (d *decoder) Read(p []byte) (int, error) {
	if err := d.wait(); err != nil {
		return 0, err
	}
	n := copy(p, d.in)
	d.in = d.in[n:]
	return n, nil
}

func (d *decoder) ReadByte() (byte, error) {
	if err := d.wait(); err != nil {
		return 0, err
	}
	c := d.in[0]
	d.in = d.in[1:]
	return c, nil
}

func (d *decoder) wait() error {
	for len(d.in) == 0 {
		if d.ended {
			return io.EOF
		}
		if !d.yield(struct{}{}) {
			return errAbandoned
		}
	}
	return nil
}

// coding is the one coding of a Content-Encoding header, "" for none.
func coding(header string) string {
	c := strings.ToLower(strings.Trim(header, " \t"))
	if c == "identity" {
		return ""
	}
	return c
}
