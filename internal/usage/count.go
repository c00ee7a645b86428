package usage

import "strconv"

// Count is a number of tokens, or unknown. The zero Count is unknown, so that
// nothing forgotten ever reads as 0.
type Count struct {
	n     int64
	known bool
}

// Known is the Count n.
func Known(n int64) Count { return Count{n, true} }

// Value returns the number, and whether it is known.
func (c Count) Value() (n int64, known bool) { return c.n, c.known }

// String is the number, or "unknown".
func (c Count) String() string {
	if !c.known {
		return "unknown"
	}
	return strconv.FormatInt(c.n, 10)
}

// MarshalJSON gives the number, or null.
func (c Count) MarshalJSON() ([]byte, error) {
	if !c.known {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, c.n, 10), nil
}

// or is c, or else if c is unknown.
func (c Count) or(other Count) Count {
	if c.known {
		return c
	}
	return other
}

// unless is c, or unknown if c is 0 and other is more.
func (c Count) unless(other Count) Count {
	if c.n == 0 && other.n > 0 {
		return Count{}
	}
	return c
}

// and adds what is known of other; an unknown c stays unknown.
func (c Count) and(other Count) Count {
	if c.known && other.known {
		c.n += other.n
	}
	return c
}

// less takes off what is known of other. A part larger than its whole makes no
// sense of either: unknown.
func (c Count) less(other Count) Count {
	if c.known && other.known {
		if c.n -= other.n; c.n < 0 {
			return Count{}
		}
	}
	return c
}

// either adds what is known of the two.
func either(a, b Count) Count {
	if !a.known {
		return b
	}
	return a.and(b)
}
