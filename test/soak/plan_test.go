package soak

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"time"
)

// plan is one exchange: what the client does and what the upstream is to do.
// It follows from the seed and ID alone and travels in the request's head.
type plan struct {
	ID     uint64
	Turn   uint64 // as ID, but for a rerun, in which all have the same ID
	Kind   string
	Route  string
	Method string

	Up        int64 // bytes of the request's body; 0: none
	UpChunked bool
	Down      int64 // bytes of the answer's body
	Framing   string
	Stream    bool // the answer is an event stream
	Pause     time.Duration

	Manner string // how the upstream behaves; empty: as it should
	At     int64  // bytes of the answer before it
	Status int    // of the answer that the client gets; 0: follows from the manner

	Refusals int    // attempts that are refused before the answer
	Refused  int    // the status of that
	Early    bool   // before the request's body has come
	Wait     string // a header line: when to come back
	Session  string

	Leave   string // how the client goes away, "reset" or "close"; empty: it does not
	When    string // "waiting", "reading" or "sending"
	LeaveAt int64  // bytes read or sent before that
	Slow    bool   // the client reads slowly
}

func (p *plan) header() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Each direction has bytes of its own.
func (p *plan) upload() *body { return &body{key: mix(2 * p.ID)} }
func (p *plan) answer() *body { return &body{key: mix(2*p.ID + 1)} }

// rand is for whoever carries the plan out.
func (p *plan) rand(salt uint64) *rand.Rand { return rand.New(rand.NewPCG(p.ID, salt)) }

// kind is a sort of exchange.
type kind struct {
	name   string
	weight int
	only1  bool // over HTTP/1.1 alone
	plan   func(r *rand.Rand, p *plan)
	want   func(p *plan, o *outcome) bool // nil: a whole answer
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

var kinds = append(failovers, []kind{
	{name: "json", weight: 30, plan: func(r *rand.Rand, p *plan) { p.post(r, 4*kib); p.down(r, 8*kib, "length") }},
	{name: "get", weight: 10, plan: func(r *rand.Rand, p *plan) { p.down(r, 8*kib, "length", "chunked", "close") }},
	{name: "head", weight: 2, plan: func(r *rand.Rand, p *plan) { p.Method = "HEAD"; p.down(r, 8*kib, "length") }},
	{name: "nothing", weight: 2, plan: func(r *rand.Rand, p *plan) { p.post(r, 4*kib); p.Framing = "none" }},
	{name: "stream", weight: 14, plan: stream},
	{name: "upload", weight: 4, plan: func(r *rand.Rand, p *plan) { p.post(r, 2*mib); p.down(r, kib, "length") }},
	{name: "download", weight: 4, plan: func(r *rand.Rand, p *plan) { p.down(r, 4*mib, "length", "chunked", "close") }},
	{name: "duplex", weight: 3, plan: func(r *rand.Rand, p *plan) {
		p.post(r, 512*kib)
		p.down(r, 512*kib, "length", "chunked", "close")
		p.Manner = "duplex"
	}},
	{name: "interim", weight: 2, plan: func(r *rand.Rand, p *plan) {
		p.post(r, 64*kib)
		p.down(r, 8*kib, "length", "chunked")
		p.Manner = "interim"
	}},
	{name: "expect", weight: 2, only1: true, plan: func(r *rand.Rand, p *plan) {
		p.post(r, 64*kib)
		p.down(r, 8*kib, "length", "chunked")
		p.Manner = "expect"
	}},
	{name: "slow reader", weight: 2, plan: func(r *rand.Rand, p *plan) { p.down(r, 2*mib, "length", "chunked"); p.Slow = true }},
	{name: "websocket", weight: 4, only1: true, plan: func(r *rand.Rand, p *plan) { p.Up = 1 + r.Int64N(128*kib) }},
	{name: "early answer", weight: 2, plan: func(r *rand.Rand, p *plan) { early(r, p, "early") }},

	// Upstreams that go wrong.
	{name: "early and gone", weight: 2, plan: func(r *rand.Rand, p *plan) { early(r, p, "gone") }, want: wholeBrokenOr502},
	{name: "hang up", weight: 4, plan: fickle},
	{name: "too much", weight: 3, plan: fickle},
	{name: "reset first", weight: 2, plan: badHead, want: refused502},
	{name: "garbage", weight: 2, plan: badHead, want: refused502},
	{name: "stall first", weight: 1, plan: badHead, want: refused504},
	{name: "reset", weight: 2, plan: func(r *rand.Rand, p *plan) { badBody(r, p, "length", "chunked", "close") }, want: brokenOr502},
	{name: "truncate", weight: 2, plan: func(r *rand.Rand, p *plan) { badBody(r, p, "length", "chunked") }, want: broken},
	{name: "stall", weight: 1, plan: func(r *rand.Rand, p *plan) { badBody(r, p, "length", "chunked", "close") }, want: brokenOr504},
	{name: "websocket reset", weight: 1, only1: true, plan: func(r *rand.Rand, p *plan) {
		p.Up = 1 + r.Int64N(64*kib)
		p.Manner, p.At = "reset", r.Int64N(p.Up)
	}, want: brokenOr502},

	// Clients that go away.
	{name: "leave waiting", weight: 2, plan: func(r *rand.Rand, p *plan) {
		p.post(r, 4*kib)
		p.leave(r, "waiting")
		p.Manner = "stall first"
	}, want: left},
	{name: "leave a stream", weight: 3, plan: func(r *rand.Rand, p *plan) {
		stream(r, p)
		p.leave(r, "reading")
		p.Manner, p.Framing, p.LeaveAt = "endless", "chunked", r.Int64N(4*kib)
	}, want: left},
	{name: "leave a download", weight: 2, plan: func(r *rand.Rand, p *plan) {
		p.down(r, 8*mib, "length", "chunked", "close")
		p.leave(r, "reading")
		p.LeaveAt = r.Int64N(p.Down)
	}, want: left},
	{name: "leave an upload", weight: 3, plan: func(r *rand.Rand, p *plan) {
		p.post(r, 512*kib)
		p.leave(r, "sending")
		p.LeaveAt = r.Int64N(p.Up)
	}, want: left},
	{name: "leave a head", weight: 2, only1: true, plan: func(r *rand.Rand, p *plan) { p.leave(r, "head") }, want: left},
	{name: "leave a websocket", weight: 1, only1: true, plan: func(r *rand.Rand, p *plan) {
		p.Up = 1 + r.Int64N(64*kib)
		p.leave(r, "reading")
		p.LeaveAt = r.Int64N(p.Up)
	}, want: left},
}...)

// newPlan is exchange id of a run.
func newPlan(seed, id uint64, http2 bool, only *regexp.Regexp, routes []string) (*plan, *kind) {
	r := rand.New(rand.NewPCG(seed, id))
	total := 0
	may := func(k *kind) bool { return !(k.only1 && http2) && only.MatchString(k.name) }
	for i := range kinds {
		if may(&kinds[i]) {
			total += kinds[i].weight
		}
	}
	if total == 0 {
		return nil, nil
	}
	n := r.IntN(total)
	for i := range kinds {
		k := &kinds[i]
		if !may(k) {
			continue
		}
		if n -= k.weight; n < 0 {
			p := &plan{ID: id, Kind: k.name, Method: "GET", Route: routes[r.IntN(len(routes))]}
			k.plan(r, p)
			return p, k
		}
	}
	panic("unreachable")
}

// post gives the request a body of up to most bytes, usually much less.
func (p *plan) post(r *rand.Rand, most int64) {
	p.Method, p.Up, p.UpChunked = "POST", size(r, most), r.IntN(2) == 0
}

// down gives the answer a body.
func (p *plan) down(r *rand.Rand, most int64, framings ...string) {
	p.Down, p.Framing = size(r, most), framings[r.IntN(len(framings))]
}

// leave has the client go away.
func (p *plan) leave(r *rand.Rand, when string) {
	p.When, p.Leave = when, []string{"reset", "close"}[r.IntN(2)]
}

// size is small or large, and now and then just around a buffer's size.
func size(r *rand.Rand, most int64) int64 {
	switch r.IntN(4) {
	case 0:
		near := int64(kib) << r.IntN(8)
		return min(most, near-40+r.Int64N(80))
	case 1:
		return 1 + r.Int64N(most)
	default:
		return 1 + r.Int64N(max(1, most/16))
	}
}

func stream(r *rand.Rand, p *plan) {
	p.post(r, 4*kib)
	p.down(r, 8*kib, "chunked", "close")
	p.Stream, p.Pause = true, time.Duration(r.IntN(8))*time.Millisecond
}

func early(r *rand.Rand, p *plan, manner string) {
	p.post(r, 1*mib)
	p.down(r, 2*kib, "length", "chunked")
	p.Manner = manner
}

// fickle upstreams close or spoil their connections once they have answered.
// They have pools of their own: the next request on such a connection, if it
// may be repeated, must not suffer.
func fickle(r *rand.Rand, p *plan) {
	p.down(r, 16*kib, "length", "chunked")
	p.Manner = p.Kind
	p.Route += "-fickle"
}

func badHead(r *rand.Rand, p *plan) {
	if r.IntN(2) == 0 {
		p.post(r, 64*kib)
	}
	p.Manner = p.Kind
	if p.Manner == "stall first" {
		p.Route += "-brief"
	}
}

func badBody(r *rand.Rand, p *plan, framings ...string) {
	if r.IntN(2) == 0 {
		p.post(r, 4*kib)
	}
	p.down(r, 64*kib, framings...)
	p.Manner, p.At = p.Kind, r.Int64N(p.Down)
	if p.Manner == "stall" {
		p.Route += "-brief"
	}
}
