package server

import "ai-gw-lite/internal/gateway"

// watches has every exchange followed by the same.
type watches []gateway.Watch

func (w watches) Begin(b gateway.Beginning) gateway.Watch {
	for _, one := range w {
		if o, ok := one.(interface{ begin(gateway.Beginning) }); ok {
			o.begin(b)
		}
	}
	return w
}

func (w watches) Attempt(upstream, key string) {
	for _, one := range w {
		one.Attempt(upstream, key)
	}
}

func (w watches) RequestBytes(p []byte) {
	for _, one := range w {
		one.RequestBytes(p)
	}
}

func (w watches) ResponseHead(r *gateway.Response) {
	for _, one := range w {
		one.ResponseHead(r)
	}
}

func (w watches) ResponseBytes(p []byte) {
	for _, one := range w {
		one.ResponseBytes(p)
	}
}

func (w watches) End(o *gateway.Outcome) {
	for _, one := range w {
		one.End(o)
	}
}

// blind is a Watch that looks at nothing, to be embedded.
type blind struct{}

func (blind) Attempt(string, string)         {}
func (blind) RequestBytes([]byte)            {}
func (blind) ResponseHead(*gateway.Response) {}
func (blind) ResponseBytes([]byte)           {}
