package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	wait    retryAfter
}

func (r refusal) Error() string { return r.message }

// api reads one request of an endpoint; a refusal is answered as it says.
type api func(r *http.Request, body []byte) (question, error)

func notFound(r *http.Request, _ []byte) (question, error) {
	return question{}, refusal{status: http.StatusNotFound, message: fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path)}
}

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
	held := share{of: &p.memory}
	defer held.giveBack()
	body, unread := held.body(w, r, manner)
	if _, refused := errors.AsType[refusal](unread); unread != nil && !refused {
		return errClientGone
	}
	if p.OnRequest != nil {
		p.OnRequest(r.URL.Path)
	}

	var q question
	err := cmp.Or(p.refuses(v.key(r), manner, badControl), unread)
	if err == nil {
		q, err = read(r, body)
	}
	if err == nil {
		err = held.answer(q, manner)
	}
	if errors.Is(err, errNoRoom) {
		manner = Manner{} // what is refused for want of room must not take any
	}

	d := delivery{w: w, r: r, rc: http.NewResponseController(w), manner: manner, gate: p.Gate}
	if err := d.beforeHead(); err != nil {
		return err
	}
	v.decorate(w.Header(), serial)
	switch {
	case err != nil:
		f, ok := errors.AsType[refusal](err)
		if !ok {
			f = refusal{status: http.StatusBadRequest, message: err.Error()}
		}
		f.wait.set(w.Header())
		return d.plain(f.status, v.errorBody(f, serial))
	case q.stream != nil:
		return d.stream(q, q.paced(serial, manner))
	}
	return d.plain(http.StatusOK, q.sized(serial, manner))
}

// refuses says why a request is refused whatever it asks.
func (p *provider) refuses(key string, manner Manner, badControl error) error {
	wait, badWait := parseRetryAfter(manner.RetryAfter)
	switch {
	case len(p.Keys) > 0 && !slices.Contains(p.Keys, key):
		return refusal{status: http.StatusUnauthorized, message: "Incorrect API key provided."}
	case badControl != nil:
		return badControl
	case badWait != nil:
		return badWait
	case manner.Status != 0:
		return refusal{status: manner.Status, message: "Simulated failure.", wait: wait}
	}
	return nil
}
