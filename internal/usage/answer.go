package usage

import "sync/atomic"

// An answer is what has been learnt so far, from the events of one answer or,
// in a session, of one answer after another.
type answer struct {
	walker  walker
	session bool

	figures  figures // of the answer under way
	first    []byte  // its first usage object
	last     []byte  // its last, if there are several
	rawLost  bool    // one was too large to keep
	sum      Usage   // of a session's earlier answers
	turnOver bool    // Gemini Live: the turn has ended, but its usage may yet come

	model     string
	lastModel string // of the answer before this one, which often is the same
	documents int64  // objects walked
	events    int64
	streaming bool // the format prescribes an end
	ended     bool // and this was it
	failed    bool

	unwatched bool     // there is no Progress to show
	shown     *string  // the last model that there was to show
	live      struct { // for Progress, from any goroutine
		events atomic.Int64
		output atomic.Int64 // -1: unknown
		model  atomic.Pointer[string]
	}
}

// reset begins anew and keeps the buffers.
func (a *answer) reset(session bool) {
	a.walker.restart(top)
	a.walker.list = false
	a.session = session
	a.figures, a.sum = figures{}, Usage{}
	a.first, a.last, a.rawLost, a.turnOver = a.first[:0], a.last[:0], false, false
	if a.model != "" {
		a.lastModel = a.model
	}
	a.model, a.documents, a.events = "", 0, 0
	a.streaming, a.ended, a.failed = false, false, false
	a.publish()
}

// feed walks a piece of JSON, document after document.
func (a *answer) feed(p []byte) {
	for len(p) > 0 {
		n, complete := a.walker.walk(p)
		if complete {
			a.documents++
			a.apply(&a.walker.event)
		}
		p = p[n:]
	}
}

// apply takes in an event that is complete.
func (a *answer) apply(e *event) {
	a.streaming = a.streaming || e.kind&streaming != 0 || e.choices || e.candidates || e.hasDone
	a.failed = a.failed || e.failed || e.kind&failing != 0
	a.ended = a.ended || e.finished || e.kind&ending != 0 || a.failed
	if a.session && a.turnOver && e.live {
		a.settle()
	}
	a.count(e)
	if e.turnDone {
		a.turnOver = true
	}
	if a.session && e.kind&responding != 0 {
		a.settle()
	}
	e.reset()
}

// count takes in the figures and the model.
func (a *answer) count(e *event) {
	if a.model == "" && e.modelSize > 0 {
		a.model = e.modelName(a.lastModel)
	}
	if a.session && e.kind&typed != 0 && e.kind&responding == 0 {
		return // a transcription of what the user said, by another model at another price
	}
	a.figures.update(&e.figures)
	raw, over := e.usageObject()
	switch {
	case over:
		a.rawLost = true
	case len(raw) == 0:
	case len(a.first) == 0 || a.session:
		a.first = append(a.first[:0], raw...)
	default:
		a.last = append(a.last[:0], raw...)
	}
}

// settle adds the answer under way to the session's sum and begins the next.
// An answer that does not say a figure adds nothing to it.
func (a *answer) settle() {
	u := a.figures.normal()
	a.sum = Usage{
		InputUncached: either(a.sum.InputUncached, u.InputUncached),
		CacheRead:     either(a.sum.CacheRead, u.CacheRead),
		CacheWrite:    either(a.sum.CacheWrite, u.CacheWrite),
		CacheWrite1h:  either(a.sum.CacheWrite1h, u.CacheWrite1h),
		Output:        either(a.sum.Output, u.Output),
		Reasoning:     either(a.sum.Reasoning, u.Reasoning),
		Total:         either(a.sum.Total, u.Total),
	}
	a.figures, a.turnOver = figures{}, false
}

// publish makes what has been counted visible to Progress.
func (a *answer) publish() {
	if a.unwatched {
		return
	}
	out, known := either(a.sum.Output, a.figures.out()).Value()
	if !known {
		out = -1
	}
	a.live.events.Store(a.events)
	if a.live.output.Load() != out { // a store costs more, and seldom is one due
		a.live.output.Store(out)
	}
	var model *string
	if a.model != "" {
		if a.shown == nil || *a.shown != a.model {
			name := a.model
			a.shown = &name
		}
		model = a.shown
	}
	if a.live.model.Load() != model {
		a.live.model.Store(model)
	}
}

func (a *answer) progress() Progress {
	p := Progress{Events: a.live.events.Load()}
	if out := a.live.output.Load(); out >= 0 {
		p.Output = Known(out)
	}
	if model := a.live.model.Load(); model != nil {
		p.Model = *model
	}
	return p
}

// finish is the end of the bytes. A document cut short counts for the figures
// that it had, not for what it would have said.
func (a *answer) finish() {
	if a.walker.open() {
		a.count(&a.walker.event)
	}
}

func (a *answer) usage() Usage {
	u := a.figures.normal()
	if a.session {
		a.settle()
		u = a.sum
	}
	u.Raw = a.raw()
	return u
}
