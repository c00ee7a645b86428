package simulate

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter is how long a refusal asks its client to wait, and in which of the
// forms that providers use. Its zero value asks for nothing.
type retryAfter struct {
	form string // "", "s", "date" or "ms"
	wait time.Duration
}

// maxWait is the most that can be asked for, in the unit of its form.
const maxWait = 1_000_000_000

// parseRetryAfter reads "3", Retry-After in seconds; "date:3", Retry-After as the
// date in 3 seconds (RFC 9110, section 10.2.3); or "ms:1500", the retry-after-ms
// of OpenAI and Azure. Empty asks for nothing.
func parseRetryAfter(value string) (retryAfter, error) {
	if value == "" {
		return retryAfter{}, nil
	}
	form, digits, ok := strings.Cut(value, ":")
	if !ok {
		form, digits = "s", value
	}
	unit := time.Second
	if form == "ms" {
		unit = time.Millisecond
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > maxWait || form != "s" && form != "date" && form != "ms" {
		return retryAfter{}, fmt.Errorf("%q is not like 3, date:3 or ms:1500, with a whole number from 0 to %d", value, maxWait)
	}
	return retryAfter{form: form, wait: time.Duration(n) * unit}, nil
}

func (a retryAfter) set(h http.Header) {
	switch a.form {
	case "s":
		h.Set("Retry-After", strconv.Itoa(int(a.wait.Seconds())))
	case "date":
		h.Set("Retry-After", time.Now().Add(a.wait).UTC().Format(http.TimeFormat))
	case "ms":
		h.Set("Retry-After-Ms", strconv.FormatInt(a.wait.Milliseconds(), 10))
	}
}
