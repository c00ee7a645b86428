package observe

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"ai-gw-lite/internal/config"
	"ai-gw-lite/internal/eight"
)

// secrets finds the configuration's secrets in text that comes from outside:
// a client may write its token into a path, an upstream may echo a key as its
// model's name. However many there are, a text costs a third of a nanosecond a
// byte: five bytes in every four are looked up, and wherever a secret begins, five
// of its first eight are among them.
type secrets struct {
	fives   []uint64         // a bit for the hash of each of those
	shift   int              // from a hash to its bit
	lengths map[uint64][]int // of the secrets that begin with these eight bytes, the longest first
	values  map[string]bool
}

const (
	shortestSecret = 8 // bytes: what is shorter cannot be told from other text
	stride         = 4 // bytes from one look to the next
	masked         = "***"
)

func newSecrets(c *config.Config) *secrets {
	s := &secrets{lengths: make(map[uint64][]int), values: make(map[string]bool)}
	for _, t := range c.Auth.Tokens {
		s.add(t)
	}
	for i := range c.Routes {
		for j := range c.Routes[i].Upstreams {
			s.addUpstream(&c.Routes[i].Upstreams[j])
		}
	}
	s.add(c.Admin.Token)
	if c.Observability != nil {
		s.add(c.Observability.Metrics.Token)
	}
	s.index()
	return s
}

func (s *secrets) addUpstream(u *config.Upstream) {
	for _, h := range u.InjectHeaders {
		for word := range strings.FieldsSeq(h.Value) { // "Bearer KEY"
			if !isVersion(word) {
				s.add(word)
			}
		}
	}
	for _, k := range u.Keys {
		s.add(k.Value)
	}
	if u.Proxy != nil {
		s.add(u.Proxy.Password)
	}
}

// isVersion reports what names an API's version, which is no secret and found
// in models' names: 2023-06-01.
func isVersion(word string) bool {
	return len(word) <= len(time.DateOnly) && strings.Trim(word, "0123456789-.") == ""
}

func (s *secrets) add(value string) {
	if len(value) < shortestSecret {
		return
	}
	s.values[value] = true
	begin := eight.Of(value)
	if !slices.Contains(s.lengths[begin], len(value)) {
		s.lengths[begin] = append(s.lengths[begin], len(value))
	}
}

// index gives each of what is looked up some 64 bits, so that other text is
// seldom taken for it, and 512 KiB in all at most.
func (s *secrets) index() {
	bits := 12
	for bits < 22 && 1<<bits < 64*stride*len(s.lengths) {
		bits++
	}
	s.fives, s.shift = make([]uint64, 1<<bits/64), 64-bits
	for begin, lengths := range s.lengths {
		slices.SortFunc(lengths, func(a, b int) int { return b - a })
		for range stride {
			bit := s.bit(begin)
			s.fives[bit/64] |= 1 << (bit % 64)
			begin >>= 8
		}
	}
}

// bit is where five bytes, the lowest of eight, have their bit.
func (s *secrets) bit(bytes uint64) uint64 { return bytes << 24 * 0x9E3779B97F4A7C15 >> s.shift }

// mask is the text with every secret in it replaced. It allocates only if
// there is one.
func (s *secrets) mask(text string) string {
	if i, length := find(s, text); length > 0 {
		return text[:i] + masked + s.mask(text[i+length:])
	}
	return text
}

// in reports that there is a secret in the text.
func (s *secrets) in(text []byte) bool {
	_, length := find(s, text)
	return length > 0
}

// inJSON reports that there is one in valid JSON, as it is written or as whoever
// reads it sees it: PHP, for one, writes a slash as \/, and many keys have slashes.
func (s *secrets) inJSON(valid []byte) bool {
	if s.in(valid) {
		return true
	}
	if bytes.IndexByte(valid, '\\') < 0 {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(valid))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return err != io.EOF
		}
		if text, is := token.(string); is && s.in([]byte(text)) {
			return true
		}
	}
}

// find is where the first secret in the text stands, and how long the longest
// one is that begins there; 0: there is none.
func find[T string | []byte](s *secrets, text T) (at, length int) {
	if len(text) < shortestSecret {
		return 0, 0
	}
	last := len(text) - shortestSecret // where one could begin
	for i := 0; i <= last+stride-1; i += stride {
		from := min(i, last) // where the eight bytes begin that the five are among
		bit := s.bit(eight.Of(text[from:]) >> (8 * (i - from)))
		if s.fives[bit/64]>>(bit%64)&1 == 0 {
			continue
		}
		for at = max(i-stride+1, 0); at <= from; at++ {
			for _, length = range s.lengths[eight.Of(text[at:])] {
				if length <= len(text)-at && s.values[string(text[at:at+length])] {
					return at, length
				}
			}
		}
	}
	return 0, 0
}
