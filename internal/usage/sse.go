package usage

import "bytes"

// sse takes server-sent events apart (WHATWG HTML, 9.2.6), in pieces of any
// size: lines end in LF, CR or CRLF, an event at a blank line. The data of an
// event goes to the answer as it comes and is never held.
//
// More lenient than the standard: JSON that is complete counts even if the
// blank line after its event never comes.
type sse struct {
	mark    int  // bytes of the byte order mark seen; 3: past where one may stand
	afterCR bool // a LF now would belong to the CR before

	// Of the line under way.
	begun bool // it is not blank
	field lineField
	name  [5]byte
	size  int // of name
	space bool
	done  int // bytes of "[DONE]" that the data has matched; -1: it is something else

	// Of the event under way.
	hasData  bool
	before   int64   // documents that had passed when it began
	errorTag [6]byte // its name, if short
	tagSize  int
}

type lineField uint8

const (
	naming   lineField = iota // the field's name is not complete
	dataLine                  //
	tagLine                   // the event's name
	ignored                   // a comment, an id, …
)

var (
	byteOrderMark = []byte{0xEF, 0xBB, 0xBF}
	newLine       = []byte{'\n'}     // between lines of data, as the standard joins them
	doneData      = []byte("[DONE]") // OpenAI's end of a stream, no JSON
)

func (s *sse) read(p []byte, a *answer) {
	for s.mark < len(byteOrderMark) && len(p) > 0 {
		if p[0] != byteOrderMark[s.mark] {
			s.mark = len(byteOrderMark)
			break
		}
		s.mark++
		p = p[1:]
	}
	lf := -1 // where the next LF is; looked for once, or streams of CRs would take quadratic time
	for i := 0; i < len(p); {
		if s.afterCR {
			if s.afterCR = false; p[i] == '\n' {
				i++
				continue
			}
		}
		if lf < i {
			lf = next(p, i, '\n')
		}
		end := lf
		if cr := bytes.IndexByte(p[i:lf], '\r'); cr >= 0 {
			end = i + cr
		}
		if end > i {
			s.line(p[i:end], a)
		}
		if i = end; i < len(p) {
			s.lineEnd(a)
			s.afterCR = p[i] == '\r'
			i++
		}
	}
}

// line takes a piece of a line.
func (s *sse) line(p []byte, a *answer) {
	s.begun = true
	if s.field == naming {
		colon := bytes.IndexByte(p, ':')
		name := p
		if colon >= 0 {
			name = p[:colon]
		}
		if s.size+len(name) > len(s.name) {
			s.field = ignored
			return
		}
		s.size += copy(s.name[s.size:], name)
		if colon < 0 {
			return
		}
		s.named(a)
		s.space = true
		p = p[colon+1:]
	}
	if s.space && len(p) > 0 {
		if s.space = false; p[0] == ' ' {
			p = p[1:]
		}
	}
	switch s.field {
	case dataLine:
		s.data(p, a)
	case tagLine:
		s.tagSize += copy(s.errorTag[s.tagSize:], p)
	}
}

// named begins the value of a field.
func (s *sse) named(a *answer) {
	switch string(s.name[:s.size]) {
	case "data":
		s.field = dataLine
		if s.done = -1; a.walker.fresh() {
			s.done = 0
		} else if s.hasData {
			a.feed(newLine)
		}
		s.dataBegun(a)
	case "event":
		s.field, s.tagSize = tagLine, 0
	default:
		s.field = ignored
	}
}

func (s *sse) dataBegun(a *answer) {
	if !s.hasData {
		s.hasData, s.before = true, a.documents
	}
}

// data takes a piece of the data, and keeps "[DONE]" from the walker.
func (s *sse) data(p []byte, a *answer) {
	for s.done >= 0 && len(p) > 0 {
		if p[0] != doneData[s.done] {
			s.notDone(a)
			break
		}
		p = p[1:]
		if s.done++; s.done == len(doneData) {
			a.ended = true
			s.field = ignored
			return
		}
	}
	a.feed(p)
}

// notDone hands on what might have been "[DONE]".
func (s *sse) notDone(a *answer) {
	a.feed(doneData[:s.done])
	s.done = -1
}

func (s *sse) lineEnd(a *answer) {
	switch {
	case !s.begun:
		s.dispatch(a)
	case s.field == naming && string(s.name[:s.size]) == "data":
		s.dataBegun(a) // a name alone is a field with nothing in it
	case s.field == dataLine && s.done > 0:
		s.notDone(a)
	}
	s.begun, s.field, s.size, s.space = false, naming, 0, false
}

// dispatch ends an event.
func (s *sse) dispatch(a *answer) {
	if s.hasData {
		s.count(a)
		if !a.walker.fresh() {
			a.walker.restart(top)
		}
	}
	s.hasData, s.tagSize = false, 0
}

func (s *sse) count(a *answer) {
	a.events++
	if string(s.errorTag[:s.tagSize]) == "error" {
		a.failed, a.ended = true, true
	}
}

// end is the end of the stream. An event that lacks a blank line at most is
// one; one that was cut short is not.
func (s *sse) end(a *answer) {
	a.finish()
	if s.hasData && (a.documents > s.before || a.ended) {
		s.count(a)
	}
}
