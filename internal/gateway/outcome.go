package gateway

import (
	"fmt"
	"time"
)

// Outcome is how an exchange went.
type Outcome struct {
	Client   string // address
	Route    string // empty: none matched
	Upstream string // scheme://host:port, empty: none was asked
	Token    string // the token's name, never the token
	Method   string
	Status   int    // sent to the client, 0: nothing was
	Code     string // of a refusal
	Cause    error  // what the log should say of a failure
	End      End
	Start    time.Time
	FirstByte,
	Duration time.Duration
	BytesIn, BytesOut int64 // body bytes
}

// End says how an exchange ended.
type End string

const (
	Complete       End = "complete"
	Refused        End = "refused"
	Timeout        End = "timeout"
	UpstreamBroken End = "upstream_broken"
	ClientGone     End = "client_gone"
)

// Panic is the cause of an exchange that ended in a defect of the gateway. Its
// text names no value: that could be a client's.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("panic (%T)\n%s", p.Value, p.Stack) }
