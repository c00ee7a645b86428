//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// Successor is a process that serves in this one's place.
type Successor struct {
	PID   int
	Ended <-chan error // how it ended, should it end before this process does; then closed
}

// Start starts an executable with this process's own arguments, environment and
// output, hands it the listener, and waits until it serves. On an error nothing
// is left of it, and this process goes on as before. The address is that of the
// listener as the configuration has it. The context bounds the wait.
func Start(ctx context.Context, executable string, ln net.Listener, address string) (*Successor, error) {
	ready, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	defer theirs.Close()
	sock, err := duplicate(ln)
	if err != nil {
		return nil, fmt.Errorf("handing down the socket of %s: %w", address, err)
	}
	defer sock.Close()
	c := exec.Cmd{
		Path: executable, Args: os.Args, Env: append(os.Environ(), inheritance+"="+address),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		ExtraFiles: []*os.File{readyPipe - 3: theirs, socket - 3: sock},
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	theirs.Close() // or the pipe would not end with the process
	ended := make(chan error, 1)
	go func() {
		ended <- c.Wait()
		close(ended)
	}()
	if err := awaitReady(ctx, ready, ended); err != nil {
		c.Process.Kill()
		<-ended
		return nil, err
	}
	return &Successor{PID: c.Process.Pid, Ended: ended}, nil
}

// duplicate copies a listener's descriptor. net.TCPListener.File would do, but
// the file it returns makes the socket block as soon as it is passed on, and
// that of the listener, which is the same, with it.
func duplicate(ln net.Listener) (*os.File, error) {
	l, ok := ln.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("a %T has no descriptor", ln)
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dup error
	err = raw.Control(func(own uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fd, dup = syscall.Dup(int(own)); dup == nil {
			syscall.CloseOnExec(fd)
		}
	})
	if err = errors.Join(err, dup); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "listener"), nil
}

// awaitReady waits for the byte that says that the successor serves.
func awaitReady(ctx context.Context, pipe *os.File, ended <-chan error) error {
	said := make(chan error, 1)
	go func() {
		var b [1]byte
		_, err := pipe.Read(b[:])
		if err == nil && b[0] != readyByte {
			err = errors.New("it speaks another language")
		}
		said <- err
	}()
	select {
	case err := <-said:
		if err == nil {
			return nil
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// The pipe has ended, and with it the process, in all likelihood.
	select {
	case err := <-ended:
		if err == nil {
			err = errors.New("exit status 0")
		}
		return fmt.Errorf("the new process ended before it served: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
