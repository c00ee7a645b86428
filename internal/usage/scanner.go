package usage

import "strings"

// Response is what a Scanner needs to know of an answer's head.
type Response struct {
	Status          int
	ContentType     string
	ContentEncoding string
	Path            string // of the request, without the query; any prefix may stand before it
	Unwatched       bool   // nobody will ask for Progress
}

// A Scanner reads the usage of one HTTP answer from its body as it passes.
//
// Reset, then Write for each piece, then End, which must not be forgotten: it
// frees what decoding holds. One goroutine does these; any may ask for
// Progress meanwhile. A Scanner can be used again after End.
//
// Write takes time linear in the bytes (about a nanosecond each, several when
// they are compressed), allocates nothing for plain text once the answer's
// model is known, and keeps no piece. Memory is bounded: some 50 KiB for plain
// bodies, plus the coding's window for compressed ones.
//
// Answers without a 2xx status carry no usage, and those about a batch that of
// other answers; neither are read. Answers that have no body by definition (HEAD,
// 204) are not for a Scanner: it would miss their end.
type Scanner struct {
	answer  answer
	format  format
	events  sse
	stream  eventStream
	decoder *decoder // kept from body to body
	coded   bool     // this one needs it
	guessed bool     // the format may be another: nobody has named it
	path    string
	gaveUp  bool
}

type format uint8

const (
	unread format = iota // not one that is understood
	plainJSON
	lineJSON
	eventSource
	amazonEvents
	untold // no Content-Type: as the body begins
)

// NewScanner returns a Scanner for an answer.
func NewScanner(r Response) *Scanner {
	s := new(Scanner)
	s.Reset(r)
	return s
}

// Reset prepares for another answer. End must have been called for the last.
func (s *Scanner) Reset(r Response) {
	s.answer.unwatched = r.Unwatched
	s.answer.reset(false)
	s.events = sse{}
	s.stream.reset()
	s.path = r.Path
	s.coded, s.guessed, s.gaveUp = false, false, false
	s.format = formatOf(r)
	if s.format == unread {
		return
	}
	if c := coding(r.ContentEncoding); knownCoding(c) {
		if s.decoder == nil {
			s.decoder = new(decoder)
		}
		s.coded = true
		s.decoder.start(c, s.read)
	} else if c != "" {
		s.gaveUp = true
	}
}

func formatOf(r Response) format {
	if r.Status < 200 || r.Status > 299 || isBatch(r.Path) {
		return unread
	}
	media := mediaType(r.ContentType)
	switch media {
	case "":
		return untold
	case "text/event-stream":
		return eventSource
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/stream+json":
		return lineJSON
	case "application/vnd.amazon.eventstream":
		return amazonEvents
	}
	if isJSON(media) {
		return plainJSON
	}
	return unread
}

// isBatch: the answer is about a batch (OpenAI's), with all that this has cost so
// far. It is asked for again and again, and would be counted each time.
func isBatch(path string) bool {
	head, last := cutLast(path)
	if last == "cancel" {
		head, last = cutLast(head)
	}
	_, parent := cutLast(head)
	return last == "batches" || parent == "batches" && strings.HasPrefix(last, "batch_")
}

// mediaType is a Content-Type without its parameters.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	if media == "application/json" || media == "text/event-stream" {
		return media // as nearly all say it
	}
	return strings.ToLower(strings.TrimSpace(media))
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// Write reads a piece of the body, as long or short as it comes. It neither
// changes nor keeps p, and does not block.
func (s *Scanner) Write(p []byte) {
	if s.format == unread || s.gaveUp {
		return
	}
	if s.coded {
		s.gaveUp = !s.decoder.write(p) || s.gaveUp
	} else {
		s.read(p)
	}
	s.answer.publish()
}

// read takes a piece of the body, decoded.
func (s *Scanner) read(p []byte) {
	a := &s.answer
	if s.format == untold {
		s.format, p = guess(p)
		s.guessed = true
	}
	switch s.format {
	case eventSource:
		s.events.read(p, a)
	case amazonEvents:
		if !s.stream.read(p, a) {
			s.gaveUp = true
		}
	case plainJSON:
		a.feed(p)
		a.events = a.documents
	case lineJSON:
		for len(p) > 0 {
			end := next(p, 0, '\n')
			a.feed(p[:end])
			if end < len(p) {
				if !a.walker.fresh() {
					a.walker.restart(top)
				}
				end++
			}
			p = p[end:]
		}
		a.events = a.documents
	}
}

// guess examines a body that nobody has named (RFC 9110 section 8.3 lets a
// recipient do so) by its first byte that is no blank: JSON, events, or neither.
// The body is read from there on.
func guess(p []byte) (format, []byte) {
	for i, c := range p {
		switch c {
		case ' ', '\t', '\n', '\r', 0xEF, 0xBB, 0xBF: // the last three are a byte order mark
		case '{', '[':
			return plainJSON, p[i:]
		case 'd', 'e', 'i', 'r', ':': // data, event, id, retry, a comment
			return eventSource, p[i:]
		default:
			return unread, nil
		}
	}
	return untold, nil
}

// Progress is how far the answer has come. Any goroutine may call it, at any
// time; it never waits.
func (s *Scanner) Progress() Progress { return s.answer.progress() }

// End is the end of the body: clean if it ended as HTTP says that it should,
// not clean if it broke off or was cut. It frees what Write holds, and must be
// called once for each answer, whatever became of it.
func (s *Scanner) End(clean bool) Result {
	a := &s.answer
	if s.coded {
		s.gaveUp = !s.decoder.end() || s.gaveUp
		s.coded = false
	}
	if s.format == eventSource {
		s.events.end(a)
	} else {
		a.finish()
	}
	r := Result{Model: a.model, Events: a.events, InBandError: a.failed, GaveUp: s.gaveUp}
	if !s.gaveUp {
		r.Usage = a.usage()
		r.Truncated = clean && s.truncated()
	}
	a.publish()
	s.format = unread
	return r
}
