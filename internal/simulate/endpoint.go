package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// vendor is what the APIs of one provider have in common.
type vendor interface {
	key(*http.Request) string                 // the provider key that the request carries
	decorate(h http.Header, serial int64)     // the headers that every answer has
	errorBody(r refusal, serial int64) object // the body of an error
}

// refusal is an error that a provider answers with.
type refusal struct {
	status  int
	message string
	wait    time.Duration // how long the client is asked to wait; 0: it is not
}

func (r refusal) Error() string { return r.message }

// api reads one request of an endpoint; a refusal is answered as it says.
type api func(r *http.Request, body []byte) (question, error)

func notFound(r *http.Request, _ []byte) (question, error) {
	return question{}, refusal{status: http.StatusNotFound, message: fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path)}
}

// maxBody bounds a request body: it is held in memory while it is answered.
const maxBody = 64 << 20

// endpoint serves one API. An answer that did not reach its end, because the
// client went or because that was wanted, ends with the connection: never
// cleanly.
func (p *provider) endpoint(v vendor, read api) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := p.answer(w, r, v, read)
		if errors.Is(err, errClientGone) {
			p.canceled.Add(1)
			if p.OnCanceled != nil {
				p.OnCanceled(r.URL.Path)
			}
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// answer takes one request from its body to the end of its answer.
func (p *provider) answer(w http.ResponseWriter, r *http.Request, v vendor, read api) error {
	serial := p.serial.Add(1)
	manner, badControl := p.Manner.with(r)
	wait, badWait := parseRetryAfter(manner.RetryAfter)
	badControl = cmp.Or(badControl, badWait)
	d := delivery{w: w, r: r, rc: http.NewResponseController(w), manner: manner, gate: p.Gate}

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return errClientGone
	}
	if p.OnRequest != nil {
		p.OnRequest(r.URL.Path)
	}
	if err := d.beforeHead(); err != nil {
		return err
	}
	v.decorate(w.Header(), serial)

	refuse := func(f refusal) error { return d.plain(f.status, v.errorBody(f, serial)) }
	switch key := v.key(r); {
	case len(p.Keys) > 0 && !slices.Contains(p.Keys, key):
		return refuse(refusal{status: http.StatusUnauthorized, message: "Incorrect API key provided."})
	case badControl != nil:
		return refuse(refusal{status: http.StatusBadRequest, message: badControl.Error()})
	case manner.Status != 0:
		wait.set(w.Header())
		return refuse(refusal{status: manner.Status, message: "Simulated failure.", wait: wait.wait})
	case tooLarge != nil:
		return refuse(refusal{status: http.StatusRequestEntityTooLarge, message: "Request body is too large."})
	}

	q, err := read(r, body)
	if err != nil {
		f, ok := errors.AsType[refusal](err)
		if !ok {
			f = refusal{status: http.StatusBadRequest, message: err.Error()}
		}
		return refuse(f)
	}
	if q.stream != nil {
		return d.stream(q, q.answer(serial, manner.Tokens))
	}
	return d.plain(http.StatusOK, q.sized(serial, manner))
}
