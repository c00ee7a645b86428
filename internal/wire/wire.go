// Package wire speaks HTTP/1.1 on a connection, as a server and as a client:
// heads, body framing, and nothing else. Header lines keep their order and
// letter case, bodies keep their bytes, and what RFC 9110 and RFC 9112 leave
// to taste is refused: a parser that guesses is how requests are smuggled.
//
// It knows nothing of routes, tokens or limits.
package wire

// MaxRequestHead bounds a request's head, in bytes.
const MaxRequestHead = 64 << 10

// MaxResponseHead bounds an upstream's response head, in bytes.
const MaxResponseHead = 256 << 10

// MaxFields bounds the header lines of one head.
const MaxFields = 1000

// Field is one header line. Name and Value alias the buffer the head was
// read into: they live as long as it does.
type Field struct {
	Name, Value []byte
	Known       Known
}

// Framing says how a body's end is told (RFC 9112 section 6).
type Framing uint8

const (
	NoBody     Framing = iota // nothing follows the head
	ByLength                  // Content-Length
	ByChunks                  // Transfer-Encoding: chunked
	UntilClose                // a response that ends with its connection
)

// Error is a head or a body that HTTP does not allow. Status is what a server
// answers, with nothing else, before it closes the connection.
type Error struct {
	Status int
	Reason string
}

func (e *Error) Error() string { return e.Reason }

func malformed(reason string) *Error { return &Error{Status: 400, Reason: reason} }
