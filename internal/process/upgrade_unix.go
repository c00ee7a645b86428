//go:build unix

package process

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Upgrade asks a process to start its executable anew, and is told of each step
// by that process's Reporter.
type Upgrade struct {
	PID      int
	Serving  func(pid int)
	Draining func(exchanges int)
	Broken   func(exchanges int)
}

// patience is how long a process is given to answer a signal.
const patience = 5 * time.Second

// Run asks, and blocks until the old process is gone or says that it has failed.
// An error says that the old process serves as before, or that it is not known
// what became of it.
func (u Upgrade) Run() error {
	ln, err := listenForReports(u.PID)
	if err != nil {
		return err
	}
	defer ln.Close()
	if err := askForUpgrade(u.PID); err != nil {
		return err
	}
	conn, err := u.await(ln)
	if err != nil {
		return err
	}
	defer conn.Close()
	return u.follow(conn)
}

func listenForReports(pid int) (*net.UnixListener, error) {
	address := reportAddress(pid)
	if address[0] != '@' {
		os.Remove(address) // of a command that was killed
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("waiting for the reports of process %d (is another upgrade command?): %w", pid, err)
	}
	if address[0] != '@' {
		os.Chmod(address, 0o666) // the process may be of another user
	}
	return ln, nil
}

// askForUpgrade sends the signal.
func askForUpgrade(pid int) error {
	err := syscall.Kill(pid, 0)
	switch {
	case errors.Is(err, syscall.ESRCH):
		return fmt.Errorf("there is no process %d", pid)
	case err == nil && !isGateway(pid):
		return fmt.Errorf("process %d is another program", pid)
	case err == nil && !takesSignal(pid, syscall.SIGUSR2):
		return fmt.Errorf("process %d has only just been started: it does not catch SIGUSR2 yet", pid)
	case err == nil:
		err = syscall.Kill(pid, syscall.SIGUSR2)
	}
	if err != nil {
		return fmt.Errorf("asking process %d: %w", pid, err)
	}
	return nil
}

// await waits for the process to call. Anybody could, so the kernel is asked
// who does.
func (u Upgrade) await(ln *net.UnixListener) (*net.UnixConn, error) {
	ln.SetDeadline(time.Now().Add(patience))
	for {
		conn, err := ln.AcceptUnix()
		if err != nil {
			return nil, fmt.Errorf("process %d was asked and does not answer: see its log", u.PID)
		}
		if isPeer(conn, u.PID) {
			return conn, nil
		}
		conn.Close()
	}
}

func (u Upgrade) follow(conn net.Conn) error {
	served, whole := false, false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		word, what, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.Atoi(what)
		switch word {
		case saysFailed:
			return fmt.Errorf("process %d serves as before: %s", u.PID, what)
		case saysServing:
			served = true
			u.Serving(n)
		case saysDraining:
			u.Draining(n)
		case saysBroken:
			whole = true
			u.Broken(n)
		}
	}
	switch {
	case !served:
		return fmt.Errorf("process %d ended before another one served", u.PID)
	case !whole:
		return fmt.Errorf("process %d ended before its drain was over", u.PID)
	}
	return nil
}
