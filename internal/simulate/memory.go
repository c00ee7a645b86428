package simulate

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// What a client sends decides how much memory its request takes, within these
// bounds. The last is an estimate: a JSON text is copied while it is built.
const (
	maxHead   = 64 << 10  // bytes of a request's head
	maxBody   = 32 << 20  // bytes of a request's body
	maxModel  = 256       // bytes of a model's name, which every event repeats
	maxTokens = 1_000_000 // of an answer
	maxAnswer = 16 << 20  // bytes of an answer of a chosen size, all its events together
	maxValues = 1 << 22   // numbers in the vectors of an answer
	maxHeld   = 256 << 20 // bytes that bodies and answers of all requests take together
)

// What is held for a token, for a byte of an answer of a chosen size, which is
// text, JSON and event before it is sent, for a number of a vector, for a
// compressor.
const (
	perToken      = 40
	perByte       = 4
	perValue      = 16
	perCompressor = 1 << 20
)

// memory counts what all requests of a provider hold.
type memory struct{ held atomic.Int64 }

// share is what one request holds of it. It is not safe for several goroutines.
type share struct {
	of   *memory
	held int64
}

var (
	errNoRoom   = refusal{status: http.StatusServiceUnavailable, message: "The simulated provider holds as much as it may: try again when other requests have ended."}
	errTooLarge = refusal{status: http.StatusRequestEntityTooLarge, message: "Request body is too large."}
)

// take adds to the share, or fails when all requests hold too much together.
func (s *share) take(n int) error {
	if s.of.held.Add(int64(n)) > maxHeld {
		s.of.held.Add(-int64(n))
		return errNoRoom
	}
	s.held += int64(n)
	return nil
}

func (s *share) giveBack() {
	s.of.held.Add(-s.held)
	s.held = 0
}

// body reads a request's body and takes what it and its answer's compressor hold.
// An error that is no refusal is that of a client that is gone.
func (s *share) body(w http.ResponseWriter, r *http.Request, manner Manner) ([]byte, error) {
	body, err := io.ReadAll(taking{http.MaxBytesReader(w, r.Body, maxBody), s})
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = errTooLarge
	}
	if manner.Encoding != "" {
		err = cmp.Or(err, s.take(perCompressor))
	}
	return body, cmp.Or(err, s.take(parsed(body)))
}

// parsed is about what JSON takes beyond its bytes once it is parsed: most for
// many small objects.
func parsed(body []byte) int {
	return 64*bytes.Count(body, []byte(",")) + 128*bytes.Count(body, []byte("[")) + 512*bytes.Count(body, []byte("{"))
}

// answer takes what the answer to a question holds. It refuses one that would be
// too large by itself.
func (s *share) answer(q question, manner Manner) error {
	if len(q.model) > maxModel {
		return refusal{status: http.StatusBadRequest, message: fmt.Sprintf("The model's name is longer than %d bytes.", maxModel)}
	}
	tokens := cmp.Or(manner.Tokens, DefaultTokens)
	weight := perToken*tokens + perByte*manner.Size
	if q.stream != nil {
		if manner.Size*tokens > maxAnswer {
			return fmt.Errorf("sim_size: %d tokens in events of %d bytes are more than %d bytes", tokens, manner.Size, maxAnswer)
		}
		weight = tokens * (perToken + perByte*manner.Size)
	}
	return s.take(weight + perValue*q.values)
}

// taking reads into a share.
type taking struct {
	io.Reader
	share *share
}

func (t taking) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if full := t.share.take(n); full != nil {
		return 0, full
	}
	return n, err
}
