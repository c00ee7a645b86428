package wire

// lowerASCII folds A-Z and leaves every other byte alone.
var lowerASCII = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) + 'a' - 'A'
	}
	return t
}()

// isTchar marks the bytes of a token (RFC 9110 section 5.6.2).
var isTchar = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// isFieldByte marks the bytes a field value may hold: visible ASCII, blanks
// and obs-text (RFC 9110 section 5.5).
var isFieldByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c == '\t' || c >= 0x20 && c != 0x7f
	}
	return t
}()

// isHostByte marks what a Host value may hold: a registered name, an address
// in brackets, a port (RFC 3986 section 3.2.2).
var isHostByte = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!$%&'()*+,-.:;=[]_~" {
		t[c] = true
	}
	return t
}()

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func allOf(b []byte, allowed *[256]bool) bool {
	for _, c := range b {
		if !allowed[c] {
			return false
		}
	}
	return true
}

// IsToken reports whether b is a token: a method or a header name.
func IsToken(b []byte) bool { return len(b) > 0 && allOf(b, &isTchar) }

// EqualFold compares with an all lower-case s, ignoring the case of ASCII letters.
func EqualFold(b []byte, s string) bool {
	return len(b) == len(s) && HasPrefixFold(b, s)
}

// HasPrefixFold reports whether b begins with an all lower-case s, ignoring case.
func HasPrefixFold(b []byte, s string) bool {
	if len(b) < len(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if lowerASCII[b[i]] != s[i] {
			return false
		}
	}
	return true
}

// TrimBlanks cuts spaces and tabs off both ends (OWS, RFC 9110 section 5.6.3).
func TrimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// NextElement takes the first member off a comma-separated list (RFC 9110
// section 5.6.1). Empty members are returned as such.
func NextElement(list []byte) (element, rest []byte) {
	for i, c := range list {
		if c == ',' {
			return TrimBlanks(list[:i]), list[i+1:]
		}
	}
	return TrimBlanks(list), nil
}

// HasElement reports whether a comma-separated list holds the lower-case s.
func HasElement(list []byte, s string) bool {
	for len(list) > 0 {
		var e []byte
		if e, list = NextElement(list); EqualFold(e, s) {
			return true
		}
	}
	return false
}

// parseDigits reads a number of digits alone, at most 18 of them so that it fits.
func parseDigits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
