package observe

import (
	"strings"

	"ai-gw-lite/internal/config"
)

// secrets finds the configuration's secrets in text that comes from outside:
// a client may write its token into a path, an upstream may echo a key as its
// model's name. However many there are, a text costs about a nanosecond a byte.
type secrets struct {
	starts [1 << 12 / 64]uint64 // a bit for the hash of each secret's first 8 bytes
	values map[uint64][]string  // by those bytes
}

const (
	shortestSecret = 8 // bytes: what is shorter cannot be told from other text
	masked         = "***"
)

func newSecrets(c *config.Config) *secrets {
	s := &secrets{values: make(map[uint64][]string)}
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
	return s
}

func (s *secrets) addUpstream(u *config.Upstream) {
	for _, h := range u.InjectHeaders {
		for word := range strings.FieldsSeq(h.Value) { // "Bearer KEY"
			if strings.Trim(word, "0123456789-.") != "" { // no date of an API version
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

func (s *secrets) add(value string) {
	if len(value) < shortestSecret {
		return
	}
	start := first8(value)
	s.starts[bucket(start)/64] |= 1 << (bucket(start) % 64)
	s.values[start] = append(s.values[start], value)
}

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

// find is where the first secret in the text stands, and how long the longest
// one is that begins there; 0: there is none.
func find[T string | []byte](s *secrets, text T) (i, length int) {
	if len(text) < shortestSecret {
		return 0, 0
	}
	start := first8(text) << 8
	for i = 0; i+shortestSecret <= len(text); i++ {
		start = start>>8 | uint64(text[i+shortestSecret-1])<<56
		if s.starts[bucket(start)/64]>>(bucket(start)%64)&1 == 0 {
			continue
		}
		for _, value := range s.values[start] {
			if len(value) <= len(text)-i && string(text[i:i+len(value)]) == value {
				length = max(length, len(value))
			}
		}
		if length > 0 {
			return i, length
		}
	}
	return 0, 0
}

func first8[T string | []byte](t T) uint64 {
	_ = t[7]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
		uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

func bucket(start uint64) uint64 { return start * 0x9E3779B97F4A7C15 >> 52 }
