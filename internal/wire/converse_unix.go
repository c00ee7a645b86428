//go:build unix

package wire

import (
	"os"
	"syscall"
)

// converseStage is how far a Converse has come.
type converseStage uint8

const (
	checking converseStage = iota // of a connection that was idle
	sending                       // on a fresh one
	awaiting                      // the message is sent
	partly                        // the socket took only its beginning
)

// converse is Converse on a plain socket. Looking, sending and waiting happen
// in one turn of the runtime's poller, which saves the read that would find
// nothing before the wait: readiness is counted from before the message went out.
func (p *pendingRead) converse(message []byte, wasIdle bool) (stale bool, err error) {
	if p.message, p.stage, p.stale = message, sending, false; wasIdle {
		p.stage = checking
	}
	if err := p.conn.raw.Read(p.stepFunc); err != nil {
		return false, err
	}
	stale, rest := p.stale, p.message
	p.message = nil
	if err, p.err = p.err, nil; err != nil || stale {
		return stale, err
	}
	if p.stage == partly {
		if err := p.conn.Write(rest); err != nil {
			return false, err
		}
		return false, p.conn.Fill()
	}
	return false, nil
}

// step is called by the runtime's poller; false makes it wait for readability.
func (p *pendingRead) step(fd uintptr) bool {
	if p.stage == awaiting {
		return p.readNow(fd)
	}
	if p.stage == checking {
		var probe [1]byte
		if _, err := syscall.Read(int(fd), probe[:]); err != syscall.EAGAIN {
			p.stale = true
			return true
		}
	}
	n, err := syscall.Write(int(fd), p.message)
	switch {
	case err != nil && err != syscall.EAGAIN && err != syscall.EINTR:
		p.err = os.NewSyscallError("write", err)
		return true
	case n < len(p.message):
		p.message = p.message[max(n, 0):]
		p.stage = partly
		return true
	}
	if p.stage == checking {
		p.stage = awaiting
		return false // nothing had come
	}
	p.stage = awaiting
	return p.readNow(fd) // what came before this turn began would wake nobody
}
