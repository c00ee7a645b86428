package usage

const (
	depthMax = 8        // deepest place there is, with room
	tokenMax = 256      // longest key, model name or number that is looked at
	rawMax   = 16 << 10 // longest usage object kept as sent
)

// state is what the walker expects next.
type state uint8

const (
	atValue     state = iota
	atKey             // a key, or the object's end
	inKey             // inside a key
	atColon           //
	afterValue        // a comma, or the container's end
	inText            // inside a string that is a value
	inScalar          // inside a number, true, false or null
	passing           // inside a container nobody needs
	passingText       // inside a string in there
	lost              // this is no JSON; nothing more is understood until restart
)

// level is a container that has been opened and matters.
type level struct {
	place place // of the object, or of the array's elements
	array bool
}

// A walker reads JSON documents, one after another, in pieces of any size, and
// notes in its event what stands at known places. It takes linear time and
// keeps no text but short tokens and the usage object. It trusts well-formed
// JSON and is lenient with the rest: it never fails, it only gets lost.
type walker struct {
	event event // of the object being walked, or the last one

	state   state
	start   place // where documents begin: top or requestTop
	list    bool  // a document was an array
	at      place // of the value expected or being read
	depth   int   // levels in use
	levels  [depthMax]level
	passed  int  // containers open within the one being passed over
	escaped bool // the next byte follows a backslash
	keeping int  // depth of the usage object being kept; 0: none

	token [tokenMax]byte
	size  int
	over  bool // the token was longer than fits
}

// restart forgets the document under way.
func (w *walker) restart(start place) {
	w.state, w.start, w.at = atValue, start, start
	w.depth, w.passed, w.keeping = 0, 0, 0
	w.escaped = false
	w.event.reset()
}

// fresh: between documents.
func (w *walker) fresh() bool { return w.depth == 0 && w.state == atValue }

// open: within a document.
func (w *walker) open() bool { return w.depth > 0 && w.state != lost }

// walk reads a piece. It returns early, with complete set, when an object that
// is a document of its own (or an element of one that is an array) has ended,
// or a request has said its model. The caller then takes what it needs from
// w.event and resets that.
func (w *walker) walk(p []byte) (n int, complete bool) {
	i, kept := 0, 0 // what lies between them belongs to the usage object being kept
	for i < len(p) && !complete {
		switch w.state {
		case atValue:
			switch c := p[i]; c {
			case ' ', '\t', '\n', '\r':
			case '{', '[':
				if w.enter(c == '[') {
					kept = i
				}
			case ']':
				complete = w.leave(p[kept:i+1], true)
			case '"':
				w.size, w.over = 0, false
				if w.state = inText; w.depth == 0 {
					w.state = lost // a text alone, of no use
				}
			case 0xEF, 0xBB, 0xBF: // a byte order mark, before the document only
				if w.depth > 0 {
					w.state = lost
				}
			default:
				if w.depth == 0 || endsScalar(c) {
					w.state = lost
					break
				}
				w.size, w.over = 0, false
				w.state = inScalar
				continue
			}
			i++
		case atKey:
			switch p[i] {
			case ' ', '\t', '\n', '\r':
			case '"':
				w.size, w.over = 0, false
				w.state = inKey
				i += 1 + w.members(p[i+1:])
				complete = w.saidModel()
				continue
			case '}':
				complete = w.leave(p[kept:i+1], false)
			default:
				w.state = lost
			}
			i++
		case inKey:
			end, closed := w.textEnd(p, i)
			if closed && w.size == 0 && !w.over { // the common case: all in one piece
				w.at = w.levels[w.depth-1].place.member(p[i:end])
			} else if w.take(p[i:end]); closed {
				w.at = nowhere
				if !w.over {
					w.at = w.levels[w.depth-1].place.member(w.token[:w.size])
				}
			}
			i = end
			if closed {
				w.state = atColon
				i++
			}
		case atColon:
			switch p[i] {
			case ' ', '\t', '\n', '\r':
			case ':':
				w.state = atValue
			default:
				w.state = lost
			}
			i++
		case afterValue:
			in := w.levels[w.depth-1]
			switch c := p[i]; {
			case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			case c == ',' && in.array:
				w.state, w.at = atValue, in.place
			case c == ',':
				w.state = atKey
			case c == ']' || c == '}':
				complete = w.leave(p[kept:i+1], c == ']')
			default:
				w.state = lost
			}
			i++
		case inText:
			end, closed := w.textEnd(p, i)
			if w.at.isLeaf() {
				w.take(p[i:end])
			}
			i = end
			if closed {
				if w.at.isLeaf() {
					w.event.text(w.at, w.token[:w.size], w.over)
					complete = w.saidModel()
				}
				w.state = afterValue
				i++
			}
		case inScalar:
			end := i
			for end < len(p) && !endsScalar(p[end]) {
				end++
			}
			if w.at.isLeaf() {
				w.take(p[i:end])
			}
			i = end
			if i < len(p) {
				if w.at.isLeaf() && !w.over {
					w.event.scalar(w.at, w.token[:w.size])
				}
				w.state = afterValue
			}
		case passing:
			i = w.pass(p, i)
		case passingText:
			end, closed := w.textEnd(p, i)
			i = end
			if closed {
				w.state = passing
				i++
			}
		case lost:
			i = len(p)
		}
	}
	if w.keeping > 0 {
		w.event.keep(p[kept:i])
	}
	return i, complete
}

// saidModel: this is a request, and nothing more is wanted of it.
func (w *walker) saidModel() bool {
	return w.start == requestTop && (w.event.modelSize > 0 || w.event.modelOver)
}

// enter opens an object or array, and reports whether it is a usage object to
// be kept from here on.
func (w *walker) enter(array bool) (keep bool) {
	in := w.at
	switch {
	case array:
		w.event.array(w.at)
		in = w.at.element()
	case in == top:
		in = root
	case in == requestTop:
		in = request
	}
	if !array {
		w.event.object(in)
	}
	if in == nowhere || w.depth == depthMax || !array && !in.isObject() {
		if w.depth == 0 {
			w.state = lost
			return false
		}
		w.state, w.passed = passing, 1
		return false
	}
	w.levels[w.depth] = level{in, array}
	w.depth++
	if array {
		w.state, w.at = atValue, in
		w.list = w.list || w.depth == 1
		return false
	}
	w.state = atKey
	if in.holdsUsage() {
		w.keeping = w.depth
		w.event.keepNew(in)
		return true
	}
	return false
}

// leave closes the innermost container. tail is what has yet to be kept of a
// usage object that ends with it.
func (w *walker) leave(tail []byte, array bool) (complete bool) {
	if w.depth == 0 || w.levels[w.depth-1].array != array {
		w.state = lost
		return false
	}
	if w.keeping == w.depth {
		w.event.keep(tail)
		w.event.keepDone()
		w.keeping = 0
	}
	w.depth--
	left := w.levels[w.depth].place
	w.state = afterValue
	if w.depth == 0 {
		w.state, w.at = atValue, w.start
	}
	return !array && (left == root || left == request)
}

// take adds to the token.
func (w *walker) take(b []byte) {
	n := copy(w.token[w.size:], b)
	w.size += n
	w.over = w.over || n < len(b)
}

// pass goes through a container nobody needs, minding only brackets and quotes.
func (w *walker) pass(p []byte, i int) int {
	for ; i < len(p); i++ {
		switch p[i] {
		case '"':
			w.state = passingText
			return i + 1
		case '{', '[':
			w.passed++
		case '}', ']':
			if w.passed--; w.passed == 0 {
				w.state = afterValue
				return i + 1
			}
		}
	}
	return i
}
