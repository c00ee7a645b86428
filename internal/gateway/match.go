package gateway

import (
	"bytes"

	"ai-gw-lite/internal/wire"
)

// match finds the route by the longest prefix whose segment boundary holds, on
// the path as sent. A path that another server could read as a way out of the
// prefix is refused first.
func (x *exchange) match() error {
	x.cors = x.snap.cors.reply(x.req)
	path := x.req.Path
	if hasDotSegment(path) || hasBadEscape(path) {
		return &errInvalidPath
	}
	if x.route = x.snap.find(path); x.route == nil {
		return &errRouteNotFound
	}
	return nil
}

func (s *Snapshot) find(path []byte) *route {
	end := len(path)
	if end > s.longest {
		end = min(end, s.longest+1)
		end = boundaryBefore(path, end)
	}
	for end > 0 {
		if r := s.routes[string(path[:end])]; r != nil {
			return r
		}
		end = boundaryBefore(path, end)
	}
	return s.routes["/"]
}

// boundaryBefore is the last place before end where a segment ends.
func boundaryBefore(path []byte, end int) int {
	return max(0, bytes.LastIndexByte(path[:end], '/'))
}

// hasDotSegment finds "." and ".." segments however they are spelled: %2e is a
// dot; \, %5c and %2f separate like /; and a segment counts up to its first ;.
func hasDotSegment(path []byte) bool {
	dots, other, params := 0, false, false
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			if d, ok := unescape(path[i+1], path[i+2]); ok && (d == '.' || d == '/' || d == '\\') {
				c = d
				i += 2
			}
		}
		switch c {
		case '/', '\\':
			if isDots(dots, other) {
				return true
			}
			dots, other, params = 0, false, false
		case ';':
			params = true
		case '.':
			if !params {
				dots++
			}
		default:
			if !params {
				other = true
			}
		}
	}
	return isDots(dots, other)
}

func isDots(dots int, other bool) bool { return !other && (dots == 1 || dots == 2) }

// hasBadEscape finds a % that no two hex digits follow.
func hasBadEscape(path []byte) bool {
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return false
		}
		if len(path) < i+3 {
			return true
		}
		if _, ok := unescape(path[i+1], path[i+2]); !ok {
			return true
		}
		path = path[i+3:]
	}
}

func unescape(hi, lo byte) (byte, bool) {
	h, ok1 := wire.HexDigit(hi)
	l, ok2 := wire.HexDigit(lo)
	return h<<4 | l, ok1 && ok2
}
