package simulate

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Control is one thing about a [Manner] that a user can choose: as a flag of
// this name, for one request as the query parameter sim_NAME or the header
// X-Sim-NAME.
type Control struct {
	Name  string // lower case, with dashes
	Value string // what is to be given: "TIME", "N"; "" for true or false
	Use   string // in half a line

	set func(*Manner, string) error
}

// Controls lists all of them, in the order in which they explain themselves.
func Controls() []Control {
	return []Control{
		{"pace", "TIME", "wait between two events", func(m *Manner, v string) (err error) {
			m.Pace, err = pause(v)
			return err
		}},
		{"head-delay", "TIME", "wait before the head", func(m *Manner, v string) (err error) {
			m.HeadDelay, err = pause(v)
			return err
		}},
		{"tokens", "N", "tokens of an answer, one an event (default 24)", func(m *Manner, v string) (err error) {
			m.Tokens, err = number(v, 1, maxTokens)
			return err
		}},
		{"size", "BYTES", "bytes of each event with text, or of a plain answer in place of its tokens; 0: as they come", func(m *Manner, v string) (err error) {
			m.Size, err = number(v, 0, maxAnswer)
			return err
		}},
		{"encoding", "CODING", "identity, gzip, deflate, br or zstd, whatever the client accepts; each event is flushed", func(m *Manner, v string) (err error) {
			m.Encoding, err = oneOf(v, "identity", encodings...)
			return err
		}},
		{"status", "CODE", "refuse with this status, 400 to 599, in the provider's own shape; 200: do not", func(m *Manner, v string) (err error) {
			if m.Status = 0; v == "200" {
				return nil
			}
			if m.Status, err = number(v, 400, 599); err != nil {
				return fmt.Errorf("%w, nor 200", err)
			}
			return nil
		}},
		{"retry-after", "WAIT", "what a refusal asks for: 3 (seconds), date:3 (the same, as a date) or ms:1500 (as retry-after-ms)", func(m *Manner, v string) error {
			m.RetryAfter = v
			_, err := parseRetryAfter(v)
			return err
		}},
		{"fault", "FAULT", "how an answer goes wrong: none, " + join(faults), func(m *Manner, v string) (err error) {
			m.Fault, err = oneOf(Fault(v), "none", faults...)
			return err
		}},
		{"after", "N", "how many events go out before the fault", func(m *Manner, v string) (err error) {
			m.After, err = number(v, 0, maxTokens)
			return err
		}},
		{"close", "", "Connection: close", func(m *Manner, v string) (err error) {
			m.Close, err = trueOrFalse(v)
			return err
		}},
		{"unframed", "", "neither length nor chunks: a body ends with the connection", func(m *Manner, v string) (err error) {
			m.Unframed, err = trueOrFalse(v)
			return err
		}},
	}
}

// Set changes one control by its name. The error says what may be given.
func (m *Manner) Set(name, value string) error {
	var names []string
	for _, c := range Controls() {
		if c.Name == name {
			return c.set(m, value)
		}
		names = append(names, c.Name)
	}
	return fmt.Errorf("there is no such control, but %s", join(names))
}

// with is the manner for one request: its own controls on top of m. A request
// whose controls cannot be read gets its refusal in no special manner.
func (m Manner) with(r *http.Request) (Manner, error) {
	query := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if control, ok := strings.CutPrefix(name, "sim_"); ok {
			if err := m.Set(strings.ReplaceAll(control, "_", "-"), query.Get(name)); err != nil {
				return Manner{}, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for name, values := range r.Header {
		if control, ok := strings.CutPrefix(name, "X-Sim-"); ok {
			if err := m.Set(strings.ToLower(control), values[0]); err != nil {
				return Manner{}, fmt.Errorf("%s: %w", strings.ToLower(name), err)
			}
		}
	}
	return m, nil
}

// pause reads "40ms", "2s" or, in milliseconds, "40".
func pause(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		d, err = time.ParseDuration(value + "ms")
	}
	if err != nil || d < 0 || d > time.Hour {
		return 0, fmt.Errorf("%q is not a time from 0 to 1h, such as 40ms or 2s; a number alone is milliseconds", value)
	}
	return d, nil
}

func number(value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", value, least, most)
	}
	return n, nil
}

// oneOf is one of the known values, or "" for what stands for none of them.
func oneOf[T ~string](value, none T, known ...T) (T, error) {
	if value == "" || value == none {
		return "", nil
	}
	for _, k := range known {
		if value == k {
			return value, nil
		}
	}
	return "", fmt.Errorf("%q is not one of %s, %s", value, none, join(known))
}

func trueOrFalse(value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, errors.New(strconv.Quote(value) + " is not true or false")
	}
	return b, nil
}

func join[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}
