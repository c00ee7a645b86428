package simulate

import "time"

// Manner is how an answer is given. The zero value gives a whole answer of
// [DefaultTokens] tokens, as fast as the client takes it.
type Manner struct {
	Pace       time.Duration // wait between two events
	HeadDelay  time.Duration // wait before the head
	Tokens     int           // tokens of the answer; 0: DefaultTokens
	Size       int           // bytes of an event with text, or of a plain JSON answer in place of Tokens, when it can be that small. 0: as it comes
	Encoding   string        // "gzip", "deflate", "br", "zstd" or "" for none
	Status     int           // refuse with this status; 0: do not
	RetryAfter string        // what a refusal asks for: "3", "date:3" or "ms:1500"; "" for nothing
	Fault      Fault
	After      int  // events that go out before the fault
	Close      bool // Connection: close
	Unframed   bool // the body ends with the connection
}

// DefaultTokens is how long an answer is when nothing says otherwise.
const DefaultTokens = 24

// Fault is a way for an answer to go wrong; the package's text lists them.
type Fault string

const (
	NoFault         Fault = ""
	ResetBeforeHead Fault = "reset-before-head"
	GarbageHead     Fault = "garbage-head"
	Reset           Fault = "reset"
	Truncate        Fault = "truncate"
	Garbage         Fault = "garbage"
	Stall           Fault = "stall"
	EndEarly        Fault = "end-early"
	ErrorEvent      Fault = "error-event"
)

var faults = []Fault{ResetBeforeHead, GarbageHead, Reset, Truncate, Garbage, Stall, EndEarly, ErrorEvent}
