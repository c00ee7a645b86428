// Package eight looks at text eight bytes at a time, held in one word: which of
// them equal another byte, or lie below or beyond it. It reads no text on its
// own; whoever searches one decides where to look next.
//
// What Equal, Below and BeyondASCII find they mark: the top bit of a byte is
// set. Marks may be joined with |. The first mark is right, and so is that there
// is none; one behind another may be wrong, because a subtraction borrows of the
// bytes that follow.
package eight

import "math/bits"

const (
	ones = 0x0101010101010101 // the lowest bit of each byte
	tops = 0x8080808080808080 // the highest
)

// Of is the first eight bytes of t, the first one lowest. It panics where there
// are fewer.
func Of[T string | []byte](t T) uint64 {
	_ = t[7]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
		uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

// Equal marks the bytes that are c.
func Equal(word uint64, c byte) (marks uint64) {
	x := word ^ ones*uint64(c) // which makes each of them 0
	return (x - ones) &^ x & tops
}

// Below marks the bytes less than least, which is ASCII.
func Below(word uint64, least byte) (marks uint64) {
	return (word - ones*uint64(least)) &^ word & tops
}

// BeyondASCII marks the bytes that are no ASCII, and its last, DEL.
func BeyondASCII(word uint64) (marks uint64) {
	return (word + ones | word) & tops
}

// Before is how many bytes come before the first mark: 8 where there is none.
func Before(marks uint64) int { return bits.TrailingZeros64(marks) / 8 }
