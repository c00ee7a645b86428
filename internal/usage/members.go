package usage

// members reads members from behind the first one's quote on, as long as key and
// value stand whole and plain in p with no blanks between, as nearly all do, and
// nothing is opened. It says how far it came.
func (w *walker) members(p []byte) (n int) {
	in := w.levels[w.depth-1].place
	for {
		end := plainEnd(p, n)
		if end < 0 || end+2 >= len(p) || p[end+1] != ':' {
			w.state = inKey
			return n
		}
		w.at = in.member(p[n:end])
		n = end + 2
		switch c := p[n]; {
		case c == '"':
			n++
			if end = plainEnd(p, n); end < 0 {
				w.state = inText
				return n
			}
			if w.at.isLeaf() {
				w.event.text(w.at, p[n:end], false)
			}
			end++
		case c-'a' < 26 || c-'0' < 10:
			if end = scalarEnd(p, n); end < 0 {
				w.state = atValue
				return n
			}
			if w.at.isLeaf() {
				w.event.scalar(w.at, p[n:end])
			}
		default:
			w.state = atValue
			return n
		}
		w.state = afterValue
		if n = end; n+1 >= len(p) || p[n] != ',' || p[n+1] != '"' || w.saidModel() {
			return n
		}
		n += 2
	}
}

// scalarEnd is where a short number, true, false or null ends that begins at
// p[i]; -1: not near.
func scalarEnd(p []byte, i int) int {
	for end := i; end < len(p) && end < i+32; end++ {
		if endsScalar(p[end]) {
			return end
		}
	}
	return -1
}

// endsScalar: the byte cannot be part of a number, true, false or null.
func endsScalar(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', ',', ':', '}', ']', '{', '[', '"':
		return true
	}
	return false
}
