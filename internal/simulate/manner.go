package simulate

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Manner is how an answer is given. The zero value gives a whole answer of
// [DefaultTokens] tokens, as fast as the client takes it.
type Manner struct {
	Pace       time.Duration // wait between two events
	HeadDelay  time.Duration // wait before the head
	Tokens     int           // tokens of the answer; 0: DefaultTokens
	Size       int           // bytes of a plain JSON answer, when it can be that small; overrides Tokens. 0: as it comes
	Encoding   string        // "gzip", "deflate" or "" for none
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
	Stall           Fault = "stall"
	EndEarly        Fault = "end-early"
	ErrorEvent      Fault = "error-event"
)

// with is the manner for one request: its own controls on top of m.
func (m Manner) with(r *http.Request) (Manner, error) {
	for name, values := range r.URL.Query() {
		if control, ok := strings.CutPrefix(name, "sim_"); ok {
			if err := m.set(control, values[0]); err != nil {
				return m, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for name, values := range r.Header {
		if control, ok := strings.CutPrefix(name, "X-Sim-"); ok {
			control = strings.ReplaceAll(strings.ToLower(control), "-", "_")
			if err := m.set(control, values[0]); err != nil {
				return m, fmt.Errorf("%s: %w", strings.ToLower(name), err)
			}
		}
	}
	return m, nil
}

// set changes one control.
func (m *Manner) set(control, value string) (err error) {
	switch control {
	case "pace":
		m.Pace, err = time.ParseDuration(value)
	case "head_delay":
		m.HeadDelay, err = time.ParseDuration(value)
	case "tokens":
		m.Tokens, err = number(value, 1, 1_000_000)
	case "size":
		m.Size, err = number(value, 1, 1<<30)
	case "encoding":
		m.Encoding, err = oneOf(value, "gzip", "deflate", "")
	case "status":
		m.Status, err = number(value, 400, 599)
	case "retry_after":
		m.RetryAfter = value // parsed when a refusal needs it
	case "fault":
		m.Fault, err = oneOf(Fault(value), ResetBeforeHead, GarbageHead, Reset, Truncate, Stall, EndEarly, ErrorEvent, NoFault)
	case "after":
		m.After, err = number(value, 0, 1_000_000)
	case "close":
		m.Close, err = strconv.ParseBool(value)
	case "unframed":
		m.Unframed, err = strconv.ParseBool(value)
	default:
		err = fmt.Errorf("no such control")
	}
	return err
}

func number(value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", value, least, most)
	}
	return n, nil
}

func oneOf[T ~string](value T, known ...T) (T, error) {
	for _, k := range known {
		if value == k {
			return value, nil
		}
	}
	return "", fmt.Errorf("%q is not one of %q", value, known)
}
