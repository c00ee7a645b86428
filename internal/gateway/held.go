package gateway

import (
	"errors"
	"io"
	"slices"
	"time"

	"ai-gw-lite/internal/upstream"
	"ai-gw-lite/internal/wire"
)

// heldAnswer is an answer that the client gets if no attempt brings a better one.
type heldAnswer struct {
	target *target
	head   wire.ResponseHead
	body   []byte
	up     *upstream.Conn // the rest of it is still to be read; nil: that was all
	slots  keySlots       // taken for it, for as long as there is a rest
}

const (
	maxHeld      = 64 << 10        // of a held body that is kept in memory, in bytes
	holdPatience = 1 * time.Second // for it to come: another attempt is waiting
	heldGrace    = 5 * time.Second // for the rest of it, if the budget is used up
)

var errBrokenAnswer = errors.New("its answer broke off")

// hold keeps the answer that came while there are further attempts. Error answers are
// small: the body is read if it is there soon, so that its connection can go
// on; else the rest of it stays on the connection. What breaks off is no answer
// to keep.
func (x *exchange) hold() {
	held := &heldAnswer{target: x.target, head: cloneHead(&x.up.Head)}
	x.up.SetReadDeadline(time.Now().Add(holdPatience))
	for !x.up.BodyDone() && len(held.body) <= maxHeld {
		p, err := x.up.Next()
		for _, d := range p.Data {
			held.body = append(held.body, d...)
		}
		if wire.IsTimeout(err) {
			break
		}
		if err != nil && err != io.EOF {
			x.dropUpstream()
			return
		}
	}
	x.up.SetReadDeadline(time.Time{})
	sound := x.attach(nil) // else it was aborted, though what it had brought could still be read
	whole := x.sink.leave()
	switch {
	case !x.up.BodyDone() && !sound:
		x.up.Close()
		x.up = nil
		return
	case !x.up.BodyDone():
		x.up.EndWrites() // frees an upload that is stuck in one
		held.up = x.up
		held.slots, x.slots = x.slots, keySlots{}
	case whole && sound:
		x.up.Release()
	default:
		x.up.Close()
	}
	x.up = nil
	x.dropHeld()
	x.held = held
}

// dropHeld forgets the answer that was held: there is a better one, or none is
// wanted any more.
func (x *exchange) dropHeld() {
	if x.held != nil && x.held.up != nil {
		x.held.up.Close()
		x.held.slots.release()
	}
	x.held = nil
}

// takeHeld makes the held answer the one that is relayed, in place of the last
// attempt's. False says that nobody wants it. Where the budget is used up there is an
// answer all the same.
func (x *exchange) takeHeld() bool {
	x.dropUpstream()
	if !x.forgiveBudget(heldGrace) {
		return false
	}
	x.target = x.held.target
	x.headAt = time.Now()
	if x.up, x.held.up = x.held.up, nil; x.up != nil {
		x.slots.release()
		x.slots, x.held.slots = x.held.slots, keySlots{}
		return x.attach(x.up)
	}
	return true
}

func cloneHead(h *wire.ResponseHead) wire.ResponseHead {
	c := *h
	c.Reason = slices.Clone(h.Reason)
	c.Fields = make([]wire.Field, len(h.Fields))
	for i, f := range h.Fields {
		c.Fields[i] = wire.Field{Name: slices.Clone(f.Name), Value: slices.Clone(f.Value), Known: f.Known}
	}
	return c
}
