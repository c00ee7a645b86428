package observe

import (
	"ai-gw-lite/internal/gateway"
	"ai-gw-lite/internal/usage"
)

// record is one exchange, over: what every sink is told. It is not to be kept.
// No secret of the configuration stands in it.
type record struct {
	*gateway.Outcome
	requestID string // empty: request ids are off
	method    string // as sent
	path      string // as sent, without the query
	end       gateway.End

	head          bool   // an answer of an upstream began to go out
	stream        bool   // it was one that may last as long as it likes
	model         string // as asked for, else as answered; empty: unknown
	answeredModel string
	usage         usage.Usage
	counted       bool // anything of usage is known
	events        int64
	failedInBand  bool // the answer reports an error after a head of success

	trace *gateway.Trace // nil: tracing is off
}

// known reports usage of which anything is known.
func known(u *usage.Usage) bool {
	for _, c := range [...]usage.Count{u.InputUncached, u.CacheRead, u.CacheWrite, u.Output, u.Reasoning, u.Total} {
		if _, ok := c.Value(); ok {
			return true
		}
	}
	return u.Raw != nil
}
