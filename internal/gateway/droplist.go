package gateway

import "ai-gw-lite/internal/config"

// forwardedHeaders tell of earlier hops; they pass only with forward_xff.
var forwardedHeaders = [...]string{
	"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded",
	"x-real-ip", "cf-connecting-ip", "true-client-ip", "via",
}

var hopByHopHeaders = [...]string{
	"connection", "keep-alive", "proxy-connection", "proxy-authenticate",
	"proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
}

// dropList holds names that a route does not pass on, folded: lower case, and _
// read as -, since many servers take X_Api_Key for X-Api-Key.
type dropList struct {
	names map[string]struct{}
	marks uint64 // of first letter and length: most names are told by them alone
}

func compileDropList(u *config.Upstream, sources []config.TokenSource, id identity) dropList {
	var d dropList
	d.add(hopByHopHeaders[:]...)
	for _, s := range sources {
		d.add(s.Header)
	}
	d.add(u.RemoveHeaders...)
	if !u.ForwardXFF {
		d.add(forwardedHeaders[:]...)
	}
	for _, h := range u.InjectHeaders {
		d.add(h.Name)
	}
	if len(u.Keys) > 0 {
		d.add(u.KeyHeader.Name)
	}
	if u.UserAgent != "" {
		d.add("user-agent")
	}
	d.add(id.headers()...)
	return d
}

func (d *dropList) add(names ...string) {
	if d.names == nil {
		d.names = make(map[string]struct{})
	}
	for _, n := range names {
		d.names[string(fold(nil, []byte(n)))] = struct{}{}
		d.marks |= mark([]byte(n))
	}
}

func (d *dropList) holds(name []byte) bool {
	if d.marks&mark(name) == 0 {
		return false
	}
	var folded [64]byte
	_, ok := d.names[string(fold(folded[:0], name))]
	return ok
}

// mark is one of 64, the same for all spellings of a name.
func mark(name []byte) uint64 {
	if len(name) == 0 {
		return 0
	}
	first := name[0] | 0x20
	if name[0] == '_' {
		first = '-'
	}
	return 1 << ((uint(first)*7 + uint(len(name))) % 64)
}

// fold appends a name in lower case, with - for _.
func fold(b, name []byte) []byte {
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		b = append(b, c)
	}
	return b
}
