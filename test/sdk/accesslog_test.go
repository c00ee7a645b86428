package sdk

import (
	"encoding/json"
	"io"
	"testing"
	"time"
)

// accessLog has the gateway write its access log to standard output.
const accessLog = `
observability:
  logging: {to_stdout: true, access_log: true}
`

// line is what the access log says of an exchange, as far as tests ask.
type line struct {
	RequestID string `json:"request_id"`
	Route     string
	Upstream  string
	Status    int
	Code      string
	Attempts  int
	End       string
	Model     string
	Usage     map[string]any
}

// readLines hands on each line until there are no more, and reads on to the end
// after one that is not JSON: the gateway must not wait for its reader.
func readLines(r io.Reader, to chan<- line) error {
	for lines := json.NewDecoder(r); ; {
		var l line
		switch err := lines.Decode(&l); err {
		case nil:
			to <- l
		case io.EOF:
			return nil
		default:
			_, _ = io.Copy(io.Discard, r)
			return err
		}
	}
}

// line waits for the next exchange to end.
func (g *gateway) line(t *testing.T) line {
	t.Helper()
	select {
	case l := <-g.lines:
		return l
	case <-time.After(patience):
		t.Fatal("no exchange has ended")
		return line{}
	}
}
