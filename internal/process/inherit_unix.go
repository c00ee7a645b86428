//go:build unix

package process

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// inheritance names the socket that a process hands down, by the address as
// its configuration has it.
const inheritance = "AI_GW_LITE_INHERITS"

// The descriptors that are handed down; see os/exec.Cmd.ExtraFiles.
const (
	readyPipe = 3
	socket    = 4
)

// Inheritance is what the process before this one has handed down. A nil one is
// of a process that was started in the ordinary way.
type Inheritance struct {
	address string
	ln      net.Listener // nil: taken
	ready   *os.File
}

// Inherit finds what was handed down. To be called once, and early: until then
// the descriptors are open to programs that this one starts.
func Inherit() (*Inheritance, error) {
	address := os.Getenv(inheritance)
	if address == "" {
		return nil, nil
	}
	os.Unsetenv(inheritance)
	syscall.CloseOnExec(readyPipe)
	i := &Inheritance{address: address, ready: os.NewFile(readyPipe, "ready")}
	f := os.NewFile(socket, address)
	defer f.Close() // FileListener makes a copy
	var err error
	if i.ln, err = net.FileListener(f); err != nil {
		return nil, fmt.Errorf("inheriting the socket of %s: %w", address, err)
	}
	return i, nil
}

// Take returns the inherited listener if it is for this address, as the
// configuration has it; else nil.
func (i *Inheritance) Take(address string) net.Listener {
	if i == nil || i.address != address {
		return nil
	}
	ln := i.ln
	i.ln = nil
	return ln
}

// Ready tells the process before this one that this one serves. What it has
// not taken of the inheritance is closed.
func (i *Inheritance) Ready() error {
	if i == nil {
		return nil
	}
	if i.ln != nil {
		i.ln.Close()
	}
	defer i.ready.Close()
	if _, err := i.ready.Write([]byte{readyByte}); err != nil {
		return fmt.Errorf("telling the old process: %w", err)
	}
	return nil
}

const readyByte = '!'
